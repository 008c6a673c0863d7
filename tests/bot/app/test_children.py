"""How processes are started."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from bot.app import children

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no niceness")

_SWITCH = Path("/proc/sys/kernel/sched_autogroup_enabled")


def test_what_answers_gives_way_to_what_acknowledges() -> None:
    assert children.FRONT.nice == 0 < min(children.RASA.nice, children.ACTIONS.nice)


@pytest.mark.parametrize("nice", [0, 3])
def test_a_process_gives_way_as_it_is_told(tmp_path: Path, nice: int) -> None:
    usual = os.getpriority(os.PRIO_PROCESS, 0)
    with (tmp_path / "log").open("wb") as log:
        process, leash = children.spawn(
            ["http.server", "0"], children.bare_environment(), output=log, nice=nice
        )
    try:
        assert os.getpriority(os.PRIO_PROCESS, process.pid) == (nice or usual)
        if nice and _SWITCH.exists() and _SWITCH.read_text().strip() == "1":
            assert Path(f"/proc/{process.pid}/autogroup").read_text().split()[-1] == str(nice)
    finally:
        os.close(leash)
        process.terminate()
        process.wait()
