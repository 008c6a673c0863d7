"""How much of the widget comes over the line at first: a promise in bytes, which no busy machine changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import LOOP
from tests.browser.first_load import MOST_BYTES, PLACES, load_once, report, table
from tests.browser.widget_stage import WidgetStage

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope=LOOP)]

LOADER_BYTES = 6 * 1000
MOST_FILES = 10


async def test_the_first_view_is_small_and_the_second_comes_from_the_cache(
    browser: Any, tmp_path: Path
) -> None:
    async with WidgetStage(tmp_path, browser, with_shop=True) as stage:
        loads: dict[str, dict[str, list[Any]]] = {}
        for place, path in PLACES.items():
            context = await browser.new_context(viewport={"width": 360, "height": 740}, locale="zh-CN")
            cold = await load_once(context, stage.origin + path, slow=False)
            warm = await load_once(context, stage.origin + path, slow=False)
            await context.close()
            loads[place] = {"cold": [cold], "warm": [warm]}

            # Headers are counted too: what a phone pays for.
            assert 100_000 < cold.bytes < MOST_BYTES, cold.requests
            assert cold.requests.get("/widget.js", 0) < LOADER_BYTES + 1000
            came = [name for name, size in cold.requests.items() if size]
            assert len(came) <= MOST_FILES, came
            again = [name for name, size in warm.requests.items() if size]
            assert again == ["/widget/"], "only the page itself is asked for anew, and found unchanged"
            assert warm.bytes < 1000
        told = table(report(loads)["rows"])
        assert [line.split("  ")[0] for line in told.splitlines()[1:]] == [
            "alone",
            "alone",
            "in the shop",
            "in the shop",
        ]
