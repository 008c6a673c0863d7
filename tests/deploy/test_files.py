"""The files of ``deploy/``, as far as a machine without a container engine can tell."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from bot.app import children, probe
from bot.app.settings import PROJECT_ROOT, SECRET_KEYS, Settings, variable
from tests.deploy.compose import DEPLOY, MissingVariableError, example, read

VALUES = {name: f"x{number}" * 20 for number, name in enumerate(example())}
SPECS = {spec.name: spec for spec in (children.ACTIONS, children.RASA, children.FRONT)}
SETTINGS = {variable(name) for name in Settings.__dataclass_fields__}
SECRETS = {variable(name) for name in SECRET_KEYS}
UNITS = sorted((DEPLOY / "systemd").iterdir())


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return read(VALUES)


@pytest.mark.parametrize("name", example())
def test_what_the_example_names_is_demanded(name: str) -> None:
    with pytest.raises(MissingVariableError, match=name):
        read({**VALUES, name: ""})


@pytest.mark.parametrize("name", SPECS)
def test_a_process_gets_settings_that_it_knows_and_no_others_secrets(
    compose: dict[str, Any], name: str
) -> None:
    given = set(compose["services"][name]["environment"])
    known = {variable(key) for key in children.keys_of(SPECS[name])}
    assert given <= known, "compose gives what the process is never told"
    assert given & SECRETS == known & SECRETS, "every secret it needs, none that it does not"


def test_every_variable_of_ours_is_a_setting(compose: dict[str, Any]) -> None:
    named = {
        name
        for service in compose["services"].values()
        for name in service.get("environment", {})
        if name.startswith("ZHIXIN_")
    }
    assert named <= SETTINGS


def test_only_the_front_is_reached_from_outside_and_that_on_this_host(compose: dict[str, Any]) -> None:
    ports = {name: service["ports"] for name, service in compose["services"].items() if "ports" in service}
    assert list(ports) == ["front"]
    assert all(port.startswith("127.0.0.1:") for port in ports["front"])
    assert compose["networks"]["inner"] == {"internal": True}
    for name in ("postgres", "redis", "rasa"):
        assert compose["services"][name]["networks"] == ["inner"]


def test_images_are_named_by_version_and_processes_hold_few_rights(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        if "build" in service or service["image"].startswith("zhixin-"):
            assert service["read_only"] and service["cap_drop"] == ["ALL"], name
            assert service["security_opt"] == ["no-new-privileges:true"], name
        else:
            assert re.fullmatch(r"[a-z]+:\d[\w.-]*", service["image"]), name


def test_each_waits_for_what_it_needs(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for name, service in services.items():
        for needed, how in (service.get("depends_on") or {}).items():
            if how["condition"] == "service_healthy":
                image_checks = needed in SPECS  # theirs are in the Containerfile
                assert image_checks or "healthcheck" in services[needed], f"{name} waits for {needed}"
    order = ["postgres", "migrate", "actions", "rasa", "front"]
    for before, after in pairwise(order):
        assert before in services[after]["depends_on"]


# -- the image ------------------------------------------------------------------------------------------


def containerfile() -> dict[str, list[tuple[str, str]]]:
    """Return target -> its instructions, continued lines joined."""
    text = (DEPLOY / "Containerfile").read_text("utf-8")
    code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    targets: dict[str, list[tuple[str, str]]] = {}
    for line in code.replace("\\\n", " ").splitlines():
        word, _, rest = line.strip().partition(" ")
        if word == "FROM":
            target = targets.setdefault(rest.split(" AS ")[1], [])
        elif word and word != "ARG":
            target.append((word, rest.strip()))
    return targets


def test_the_image_has_a_target_for_each_process_that_runs_and_probes_it() -> None:
    targets = containerfile()
    for name in SPECS:
        found = dict(targets[name])
        assert found["CMD"] == f'["python", "-m", "bot.app.cli", "run", "--only", "{name}"]'
        assert f'"bot.app.probe", "{name}"' in found["HEALTHCHECK"]
        default = Settings.__dataclass_fields__[SPECS[name].port_key].default
        assert found["EXPOSE"] == str(default)
    assert ("USER", "10001:10001") in targets["base"]


def test_what_the_image_copies_is_there_and_not_ignored() -> None:
    kept = {
        line[1:].strip()
        for line in (PROJECT_ROOT / ".dockerignore").read_text("utf-8").splitlines()
        if line.startswith("!")
    }
    copied = {
        source.rstrip("/")
        for word, rest in containerfile()["build"]
        if word == "COPY"
        for source in rest.split()[:-1]
    }
    assert copied == kept
    assert all((PROJECT_ROOT / name).exists() for name in copied)


def test_the_probe_asks_where_the_supervisor_asks() -> None:
    for name, spec in SPECS.items():
        port_name, port, _, path = probe._WHERE[name]
        assert (port_name, path) == (variable(spec.port_key), spec.health)
        assert port == Settings.__dataclass_fields__[spec.port_key].default


def test_the_probe_says_who_does_not_answer(capsys: pytest.CaptureFixture[str]) -> None:
    assert probe.main(["front"], {"ZHIXIN_FRONT_PORT": "1"}) == 1
    assert "no answer" in capsys.readouterr().err
    assert probe.main(["nobody"], {}) == 2


# -- systemd --------------------------------------------------------------------------------------------


def unit(path: Path) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(strict=False, delimiters=("=",), comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(path, "utf-8")
    return parser


@pytest.mark.parametrize("name", SPECS)
def test_a_unit_runs_one_process_as_nobody_in_particular(name: str) -> None:
    service = unit(DEPLOY / "systemd" / f"zhixin-{name}.service")["Service"]
    assert service["ExecStart"] == f"/opt/zhixin/.venv/bin/zhixin run --only {name}"
    assert service["User"] == "zhixin" and service["NoNewPrivileges"] == "yes"
    assert float(service["TimeoutStopSec"]) > Settings.stop_within_s


def test_units_name_units_that_are_there() -> None:
    ours = {path.name for path in UNITS}
    named = {
        word for path in UNITS for word in re.findall(r"zhixin[\w-]*\.(?:service|target)", path.read_text())
    }
    assert named <= ours


def test_systemd_understands_the_units(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed here")
    stand_in = Path(sys.executable).parent / "zhixin"
    for path in UNITS:
        text = path.read_text("utf-8").replace("/opt/zhixin/.venv/bin/zhixin", str(stand_in))
        text = re.sub(r"^(User|Group)=zhixin$", r"\1=root", text, flags=re.MULTILINE)
        text = text.replace("WorkingDirectory=/opt/zhixin", f"WorkingDirectory={PROJECT_ROOT}")
        (tmp_path / path.name).write_text(text, "utf-8")
    done = subprocess.run(
        [analyze, "verify", *(str(tmp_path / path.name) for path in UNITS)],
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
        check=False,
    )
    about_ours = [line for line in done.stderr.splitlines() if "zhixin" in line]
    assert not about_ours, about_ours


def test_compose_understands_the_file(tmp_path: Path) -> None:
    command = next(
        (
            found
            for found in (["docker", "compose"], ["docker-compose"])
            if shutil.which(found[0])
            and subprocess.run([*found, "version"], capture_output=True, check=False).returncode == 0
        ),
        None,
    )
    if command is None:
        pytest.skip("compose is not installed here")
    env = tmp_path / "values.env"
    env.write_text("".join(f"{name}={value}\n" for name, value in VALUES.items()))
    done = subprocess.run(
        [*command, "--env-file", str(env), "-f", str(DEPLOY / "compose.yml"), "config", "--quiet"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
