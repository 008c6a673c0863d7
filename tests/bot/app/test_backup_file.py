"""What a backup's file may hold, and what is refused: changed, cut, no backup, keys that do not fit."""

from __future__ import annotations

import gzip
import io
import json
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.app import backup, customers
from bot.app.backup_file import DamagedError
from bot.app.backup_keys import KeysError, Seals
from bot.app.backup_restore import restore
from bot.components.tracker_rows import TrackerRows
from persona.privacy.vault import Vault
from tests.bot.app.backup_harness import (
    KEY,
    NOW,
    SAID,
    TRACKED,
    Made,
    copy,
    settings_of,
    with_keys,
    written,
)

pytestmark = pytest.mark.slow

# -- the file -----------------------------------------------------------------------------------------------


def test_the_file_is_its_owners_and_holds_nothing_readable(past: Made, file: Path) -> None:
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    raw = gzip.decompress(file.read_bytes())
    readable = raw.decode("utf-8", "replace") + raw.decode("unicode_escape", "replace")
    customer = customers.export(past[0], "u1001")
    assert customer is not None
    for word in (
        SAID, "13912345678", "13812345678", "别催她", "杭州西湖边", KEY.partition("=")[2],
        customer["profile"]["customer"]["phone"], past[2],
    ):  # fmt: skip
        assert word not in readable
        assert json.dumps(word).strip('"') not in readable


def test_two_backups_of_one_moment_are_two_files(past: Made, tmp_path: Path) -> None:
    first, second = written(past[0], tmp_path), written(past[0], tmp_path)
    assert first != second and first.exists() and second.exists()


def test_a_backup_that_fails_leaves_nothing_behind(
    past: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space"):
        written(past[0], tmp_path / "full")
    assert list((tmp_path / "full").iterdir()) == []


def repack(file: Path, target: Path, change: Callable[[str, bytes], list[tuple[str, bytes]]]) -> Path:
    """Write the archive anew with each member changed."""
    with tarfile.open(file) as source, tarfile.open(target, "w:gz") as out:
        for info in source:
            extracted = source.extractfile(info)
            assert extracted is not None
            for name, raw in change(info.name, extracted.read()):
                new = tarfile.TarInfo(name)
                new.size = len(raw)
                out.addfile(new, io.BytesIO(raw))
    return target


MESSAGES = "record/messages.jsonl"
CHANGES: dict[str, Callable[[str, bytes], list[tuple[str, bytes]]]] = {
    "one row less": lambda n, raw: [(n, raw[raw.index(b"\n") + 1 :] if n == MESSAGES else raw)],
    "one letter": lambda n, raw: [(n, raw.replace(b'"shopper"', b'"Shopper"', 1) if n == MESSAGES else raw)],
    "a table missing": lambda n, raw: [] if n == MESSAGES else [(n, raw)],
    "a table twice": lambda n, raw: [(n, raw)] * (2 if n == MESSAGES else 1),
    "a table of another name": lambda n, raw: [("record/../etc" if n == MESSAGES else n, raw)],
    "a count": lambda n, raw: [(n, raw.replace(b'"rows": 3', b'"rows": 4') if n == "manifest.json" else raw)],
    "no seal": lambda n, raw: [] if n == "manifest.seal" else [(n, raw)],
    "no manifest": lambda n, raw: [] if n == "manifest.json" else [(n, raw)],
    "another seal": lambda n, raw: [(n, raw[:-8] + b"AAAAAAA=" if n == "manifest.seal" else raw)],
}  # fmt: skip


@pytest.mark.parametrize("change", list(CHANGES))
def test_a_changed_file_is_refused_and_nothing_is_written(
    past: Made, file: Path, tmp_path: Path, change: str
) -> None:
    target = copy(past[0], tmp_path / "target")
    before = [(target.data_dir / name).read_bytes() for name in ("record.db", "tracker.db", "shop.db")]
    broken = repack(file, tmp_path / "broken.tar.gz", CHANGES[change])
    with pytest.raises(DamagedError):
        restore(target, broken, replace=True)
    after = [(target.data_dir / name).read_bytes() for name in ("record.db", "tracker.db", "shop.db")]
    assert before == after


@pytest.mark.parametrize("part", [0.0, 0.01, 0.3, 0.7, 0.99, 0.9999])
def test_a_file_that_was_cut_is_refused(past: Made, file: Path, tmp_path: Path, part: float) -> None:
    raw = file.read_bytes()
    cut = tmp_path / "cut.tar.gz"
    cut.write_bytes(raw[: int(len(raw) * part)])
    with pytest.raises(DamagedError):
        restore(settings_of(tmp_path / "target"), cut, replace=False)


def test_a_file_with_a_flipped_bit_is_refused(past: Made, file: Path, tmp_path: Path) -> None:
    raw = bytearray(file.read_bytes())
    for place in range(len(raw) // 20, len(raw) - 64, len(raw) // 12):
        flipped = bytearray(raw)
        flipped[place] ^= 0x10
        (tmp_path / "flipped.tar.gz").write_bytes(flipped)
        with pytest.raises(DamagedError):
            restore(settings_of(tmp_path / "target"), tmp_path / "flipped.tar.gz", replace=False)


def test_what_is_no_backup_at_all_is_refused(past: Made, tmp_path: Path) -> None:
    other = tmp_path / "other.tar.gz"
    with tarfile.open(other, "w:gz") as archive:
        archive.add(__file__, "manifest.json")
    (tmp_path / "text.txt").write_text("hello" * 1000)
    for path in (other, tmp_path / "text.txt"):
        with pytest.raises(DamagedError):
            restore(past[0], path, replace=True)


# -- keys ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data_keys", "words"),
    [
        ("other=" + "K" * 43, "main"),
        ("main=" + "L" * 43, ""),
        ("new=" + "N" * 43 + ",other=" + "K" * 43, "main"),
        ("a=" + "A" * 43 + ",main=" + "K" * 43, "blinds"),
    ],
)
def test_keys_that_do_not_fit_are_named_before_anything_is_written(
    past: Made, file: Path, tmp_path: Path, data_keys: str, words: str
) -> None:
    target = with_keys(copy(past[0], tmp_path / "target"), data_keys)
    before = (target.data_dir / "record.db").read_bytes()
    with pytest.raises((KeysError, DamagedError), match=words):
        restore(target, file, replace=True)
    assert (target.data_dir / "record.db").read_bytes() == before


def test_rows_under_an_old_key_need_it_too(past: Made, tmp_path: Path) -> None:
    both = with_keys(copy(past[0], tmp_path / "turned"), f"new={'N' * 43},{KEY}")
    rows = TrackerRows(both.tracker_url, Vault.from_text(both.data_keys))
    rows.save("c_new", 0, TRACKED)
    rows.close()
    done = backup.write(both, tmp_path, NOW)
    assert done.manifest.keys.needed == ("main", "new") and done.lacking == ()
    target = settings_of(tmp_path / "target")
    with pytest.raises(KeysError, match="new"):
        restore(target, done.path, replace=False)
    with pytest.raises(KeysError, match=r"lacks: main"):
        restore(with_keys(target, f"new={'N' * 43}"), done.path, replace=False)
    restore(with_keys(target, both.data_keys), done.path, replace=False)
    forgotten = backup.write(with_keys(both, f"new={'N' * 43}"), tmp_path, NOW)
    assert forgotten.lacking == ("main",)


def test_only_columns_that_are_sealed_throughout_count() -> None:
    seal, seals = Vault.from_text(KEY).seal("x" * 30), Seals()
    columns = (("id", "int"), ("body", "text"), ("note", "text"), ("data", "json"))
    seals.note("t", columns, [1, seal, f"a:{'x' * 60}", seal.replace("main", "j")])
    seals.note("t", columns, [2, None, "plain", None])
    seals.note("t", columns, [3, seal.replace("main", "old"), f"b:{'y' * 60}", None])
    assert seals.key_ids == {"main", "old"}
