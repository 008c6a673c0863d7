"""The bootstrap script against stand-ins of python and uv: what it finds, skips and says when it fails."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bot.app.settings import PROJECT_ROOT

pytestmark = pytest.mark.slow

TOOLS = ("sh", "cat", "cksum", "df", "awk", "dirname", "grep", "tee", "mktemp", "rm", "mkdir", "chmod")

UV = """#!/bin/sh
echo "uv $*" >>"$UV_LOG"
case "$1" in
--version) echo "uv 0.9.0" ;;
sync)
    [ -z "${UV_SAYS:-}" ] || { echo "$UV_SAYS" >&2; exit 2; }
    mkdir -p .venv/bin
    printf '#!/bin/sh\\n' >.venv/bin/python && chmod +x .venv/bin/python ;;
python)
    [ "$2" = find ] && echo "${UV_HAS_PYTHON:-}"
    [ -n "${UV_HAS_PYTHON:-}" ] ;;
esac
"""


class Checkout:
    """A checkout with the script, a lock, and a PATH that holds only what a test puts there."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "checkout"
        self.bin = folder / "bin"
        self.home = folder / "home"
        self.log = folder / "uv.log"
        for path in (self.root / "scripts", self.bin, self.home):
            path.mkdir(parents=True)
        shutil.copy(PROJECT_ROOT / "scripts/bootstrap.sh", self.root / "scripts/bootstrap.sh")
        (self.root / "uv.lock").write_text("lock 1\n")
        (self.root / "pyproject.toml").write_text("project\n")
        for tool in TOOLS:
            found = shutil.which(tool)
            assert found, tool
            (self.bin / tool).symlink_to(found)

    def script(self, name: str, text: str) -> None:
        path = self.bin / name
        path.unlink(missing_ok=True)
        path.write_text(text)
        path.chmod(0o755)

    def python310(self, name: str = "python3.10") -> None:
        assert sys.version_info[:2] == (3, 10)
        self.script(name, f'#!/bin/sh\nexec {sys.executable} "$@"\n')

    def uv(self) -> None:
        self.script("uv", UV)

    def run(self, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", "scripts/bootstrap.sh"],
            cwd=self.root,
            env={"PATH": str(self.bin), "HOME": str(self.home), "UV_LOG": str(self.log), **env},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    @property
    def syncs(self) -> list[str]:
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [line for line in lines if line.startswith("uv sync")]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_it_installs_from_the_lock_once_and_again_when_the_lock_changes(checkout: Checkout) -> None:
    checkout.python310()
    checkout.uv()
    assert checkout.run().returncode == 0
    assert len(checkout.syncs) == 1
    assert "--locked" in checkout.syncs[0]

    again = checkout.run()
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    assert len(checkout.syncs) == 1

    (checkout.root / "uv.lock").write_text("lock 2\n")
    assert checkout.run().returncode == 0
    assert len(checkout.syncs) == 2


def test_a_lost_environment_is_made_again(checkout: Checkout) -> None:
    checkout.python310()
    checkout.uv()
    checkout.run()
    shutil.rmtree(checkout.root / ".venv")
    assert checkout.run().returncode == 0
    assert len(checkout.syncs) == 2


def test_a_shim_that_fails_is_passed_over(checkout: Checkout) -> None:
    checkout.script("python3.10", "#!/bin/sh\necho 'pyenv: python3.10: command not found' >&2\nexit 127\n")
    real = checkout.home / ".pyenv/versions/3.10.13/bin"
    real.mkdir(parents=True)
    (real / "python3.10").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (real / "python3.10").chmod(0o755)
    checkout.uv()
    done = checkout.run()
    assert done.returncode == 0, done.stderr
    assert os.path.realpath(sys.executable) in checkout.syncs[0]


def test_the_named_interpreter_wins(checkout: Checkout) -> None:
    checkout.python310("my-python")
    checkout.uv()
    done = checkout.run(PYTHON310=str(checkout.bin / "my-python"))
    assert done.returncode == 0, done.stderr


def test_uv_fetches_a_python_where_there_is_none(checkout: Checkout) -> None:
    checkout.uv()
    checkout.python310("fetched")
    done = checkout.run(UV_HAS_PYTHON=str(checkout.bin / "fetched"))
    assert done.returncode == 0, done.stderr
    assert "fetching one" in done.stdout
    assert str(checkout.bin / "fetched") in checkout.syncs[0]


@pytest.mark.parametrize(
    ("says", "told"),
    [
        ("error: Failed to download distribution: dns error", "network"),
        ("error: failed to write: No space left on device (os error 28)", "disk is full"),
        ("error: The lockfile at `uv.lock` needs to be updated", "uv lock"),
        ("error: something else", "lines above"),
    ],
)
def test_a_failed_installation_says_what_to_do_and_leaves_no_stamp(
    checkout: Checkout, says: str, told: str
) -> None:
    checkout.python310()
    checkout.uv()
    done = checkout.run(UV_SAYS=says)
    assert done.returncode == 1
    assert told in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert says in done.stdout  # uv's own words stay visible

    checkout.uv()
    assert checkout.run().returncode == 0
    assert len(checkout.syncs) == 2


def test_no_python_at_all_is_one_sentence(checkout: Checkout) -> None:
    checkout.uv()
    done = checkout.run()
    assert done.returncode == 1
    assert "PYTHON310=" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_neither_python_nor_uv_is_one_sentence(checkout: Checkout) -> None:
    done = checkout.run()
    assert done.returncode == 1
    assert "neither uv nor a Python" in done.stderr


def test_a_full_disk_is_said_before_anything_is_fetched(checkout: Checkout) -> None:
    checkout.python310()
    checkout.uv()
    (checkout.bin / "df").unlink()
    checkout.script("df", "#!/bin/sh\necho head\necho 'dev 100 90 10240 90% /'\n")
    done = checkout.run()
    assert done.returncode == 1
    assert "10 MB free" in done.stderr
    assert not checkout.syncs


def test_no_python_version_file_is_committed() -> None:
    # It breaks the uv of those who have it from pyenv.
    assert not (PROJECT_ROOT / ".python-version").exists()


def test_make_help_lists_every_target(checkout: Checkout) -> None:
    done = subprocess.run(["make", "help"], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    makefile = (PROJECT_ROOT / "Makefile").read_text()
    targets = next(line for line in makefile.splitlines() if line.startswith(".PHONY:")).split()[1:]
    for target in targets:
        assert f"make {target} " in done.stdout
