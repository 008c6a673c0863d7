"""What is checked before anything is started."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.app.preflight import StartError, disk


def test_a_disk_with_too_little_room_is_one_sentence_with_a_way_out(tmp_path: Path) -> None:
    with pytest.raises(StartError) as refused:
        disk(tmp_path, needed=2**60)
    message = str(refused.value)
    assert str(tmp_path) in message and "ZHIXIN_DATA_DIR" in message
    assert len(message.splitlines()) == 1


def test_a_disk_with_room_is_no_matter(tmp_path: Path) -> None:
    disk(tmp_path, needed=1)
