"""Measures what the widget loads and when it can be used: ``python -m tests.browser.first_load``.

A real browser with an emulated line (CDP: 1.6 Mbit/s down, 750 kbit/s up, 150 ms; WebSockets are not slowed)
opens the chat, cold (a new profile) and warm (the same profile again). Without ``--url`` it asks a front of
its own with Rasa's stand-in behind it. "Usable": the box can have the focus, and a greeting is there, counted
from when the chat was opened; "page" counts from when the page around it was asked for.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.browser.waiting import until

#: What a phone on a poor line has, and the goals on it.
LINE = {"downloadThroughput": 1.6e6 / 8, "uploadThroughput": 750e3 / 8, "latency": 150, "offline": False}
MOST_BYTES = 220 * 1000
COLD_S, WARM_S = 3.0, 1.0

#: The chat alone, and on a page of the demo shop, where it is opened as soon as its script is there.
PLACES = {"alone": "/widget/", "in the shop": "/demo/orders"}

#: In each frame: when somebody could write and has been greeted. On the shop's page it opens the chat.
_WATCH = """
(() => {
  if (location.pathname !== "/widget/") {
    if (window === top) window.Zhixin = [(z) => { window.zhixinThere = performance.now(); z.open(); }];
    return;
  }
  const look = () => {
    const box = document.getElementById("input");
    const messages = [...document.querySelectorAll(".message:not(.mine)")];
    const greeted = messages.some((one) => one.textContent.trim());
    if (box && !box.disabled && box.getClientRects().length && greeted) {
      top.zhixinUsable ??= performance.timeOrigin + performance.now() - top.performance.timeOrigin;
    } else {
      requestAnimationFrame(look);
    }
  };
  look();
})();
"""


@dataclass
class Load:
    """One opening of the chat.

    Attributes:
        usable_ms: from the navigation until it could be used.
        script_ms: until the loader's script ran; None where the chat stands alone.
        requests: file of the widget -> bytes that came (packed body and header), 0 from the cache.
        calls: requests to the API.
    """

    usable_ms: float
    script_ms: float | None
    requests: dict[str, int] = field(default_factory=dict)
    calls: int = 0

    @property
    def opening_ms(self) -> float:
        """From the moment when somebody could open the chat until it could be used."""
        return self.usable_ms - (self.script_ms or 0.0)

    @property
    def bytes(self) -> int:
        """All that came for the widget's files."""
        return sum(self.requests.values())


@dataclass
class Line:
    """The browser's side of one page's line: counts what comes, and slows it where told to."""

    page: Any
    coming: dict[str, str] = field(default_factory=dict)
    came: dict[str, int] = field(default_factory=dict)
    calls: int = 0

    async def watch(self, *, slow: bool) -> None:
        session = await self.page.context.new_cdp_session(self.page)
        session.on("Network.requestWillBeSent", self._sent)
        session.on("Network.loadingFinished", self._finished)
        await session.send("Network.enable")
        if slow:
            await session.send("Network.emulateNetworkConditions", LINE)

    def _sent(self, event: dict[str, Any]) -> None:
        path = urlsplit(event["request"]["url"]).path
        self.calls += path.startswith("/api/")
        if path.startswith("/widget"):
            self.coming[event["requestId"]] = path
            self.came.setdefault(path, 0)

    def _finished(self, event: dict[str, Any]) -> None:
        path = self.coming.get(event["requestId"])
        if path is not None:
            self.came[path] += int(event["encodedDataLength"])


async def load_once(context: Any, address: str, *, slow: bool = True, seconds: float = 60.0) -> Load:
    """Open `address` in a new page of a browser's context and return what it took."""
    page = await context.new_page()
    line = Line(page)
    await line.watch(slow=slow)
    await page.add_init_script(_WATCH)
    await page.goto(address, wait_until="commit")
    await until(page, "() => window.zhixinUsable !== undefined", seconds=seconds)
    usable, script = await page.evaluate("[window.zhixinUsable, window.zhixinThere ?? null]")
    await page.wait_for_load_state("load")
    load = Load(usable, script, dict(line.came), line.calls)
    await page.close()
    return load


async def measure(browser: Any, origin: str, runs: int) -> dict[str, dict[str, list[Load]]]:
    """Return place -> cold and warm -> loads; a place that is not there is left out."""
    found: dict[str, dict[str, list[Load]]] = {}
    for place, path in PLACES.items():
        loads: dict[str, list[Load]] = {"cold": [], "warm": []}
        for _ in range(runs):
            context = await browser.new_context(
                viewport={"width": 360, "height": 740}, locale="zh-CN", device_scale_factor=2
            )
            try:
                probe = await context.request.get(origin + path)
                if not probe.ok:
                    break
                loads["cold"].append(await load_once(context, origin + path))
                loads["warm"].append(await load_once(context, origin + path))
            finally:
                await context.close()
        if loads["cold"]:
            found[place] = loads
    return found


def report(found: dict[str, dict[str, list[Load]]]) -> dict[str, Any]:
    """Return medians and worst cases, every load, and whether the goals are met."""
    rows = []
    for place, kinds in found.items():
        for kind, loads in kinds.items():
            usable = [load.opening_ms for load in loads]
            goal = (COLD_S if kind == "cold" else WARM_S) * 1000
            rows.append(
                {
                    "place": place,
                    "cache": kind,
                    "kilobytes": round(max(load.bytes for load in loads) / 1000, 1),
                    "files": max(sum(1 for size in load.requests.values() if size) for load in loads),
                    "api_calls": max(load.calls for load in loads),
                    "usable_ms": round(statistics.median(usable)),
                    "page_ms": round(statistics.median(load.usable_ms for load in loads)),
                    "best_ms": round(min(usable)),
                    "worst_ms": round(max(usable)),
                    "goal_ms": round(goal),
                    "met": statistics.median(usable) <= goal and loads[0].bytes <= MOST_BYTES,
                }
            )
    loads = {
        place: {kind: [asdict(one) for one in many] for kind, many in kinds.items()}
        for place, kinds in found.items()
    }
    return {
        "line": LINE,
        "most_bytes": MOST_BYTES,
        "load_average": os.getloadavg()[0],
        "rows": rows,
        "loads": loads,
    }


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Return the rows for a terminal."""
    lines = [
        f"{'place':<14}{'cache':<7}{'KB':>7}{'files':>7}{'calls':>7}{'page':>9}{'usable':>9}{'best':>9}{'worst':>9}{'goal':>9}"
    ]
    for row in rows:
        times = "".join(
            f"{row[name]:>7} ms"[-9:] for name in ("page_ms", "usable_ms", "best_ms", "worst_ms", "goal_ms")
        )
        lines.append(
            f"{row['place']:<14}{row['cache']:<7}{row['kilobytes']:>7}{row['files']:>7}{row['api_calls']:>7}{times}"
            + ("" if row["met"] else "  over")
        )
    return "\n".join(lines)


@asynccontextmanager
async def front_of_its_own() -> AsyncIterator[str]:
    """Run a front with the demo shop and Rasa's stand-in; yield its origin."""
    from tests.bot.desk.stage import Stage

    with tempfile.TemporaryDirectory() as folder:
        async with Stage(Path(folder)) as stage:
            yield stage.origin


async def run(url: str | None, runs: int, json_file: Path | None, executable: str) -> int:
    """Measure, print the table, write the JSON; return 0 where all goals are met."""
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        if url:
            found = await measure(browser, url.rstrip("/"), runs)
        else:
            async with front_of_its_own() as origin:
                found = await measure(browser, origin, runs)
        await browser.close()
    whole = report(found)
    print(table(whole["rows"]))
    print(
        f"load average {whole['load_average']:.1f} on {os.cpu_count()} cores; an idle machine tells the truth"
    )
    if json_file is not None:
        _write(json_file, whole)
    return 0 if whole["rows"] and all(row["met"] for row in whole["rows"]) else 1


def _write(file: Path, whole: dict[str, Any]) -> None:
    file.write_text(json.dumps(whole, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line and run."""
    from tests.browser.conftest import find_browser

    parser = argparse.ArgumentParser(
        prog="python -m tests.browser.first_load", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--url", help="origin of a running front, e.g. http://127.0.0.1:8080")
    parser.add_argument("--runs", type=int, default=5, help="cold and warm openings of each place (5)")
    parser.add_argument("--json", type=Path, help="write all figures there")
    given = parser.parse_args(arguments)
    executable = find_browser()
    if executable is None:
        parser.error("no chromium is installed (name one with ZHIXIN_TEST_BROWSER)")
    return asyncio.run(run(given.url, given.runs, given.json, executable))


if __name__ == "__main__":
    sys.exit(main())
