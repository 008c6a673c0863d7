"""A test aid of demo mode: makes the shop slow or dead on demand, while it runs.

The switch is the text of the file ``<data>/shop-fault`` (read at every call), else of the variable
``ZHIXIN_SHOP_FAULT``; words separated by commas:

* ``delay=4``: answer that many seconds later;
* ``down``: do nothing and raise :class:`ShopUnavailableError`;
* ``lost``: do it, then lose the answer (:class:`ShopTimeoutError`), as a broken connection would.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from actions.shop.errors import ShopTimeoutError, ShopUnavailableError
from actions.shop.gateway import ShopGateway

_ALWAYS = frozenset({"now", "close"})


@dataclass(frozen=True)
class Fault:
    """What goes wrong with a call."""

    delay_s: float = 0.0
    down: bool = False
    lost: bool = False

    @classmethod
    def read(cls, text: str) -> Fault:
        """Read the switch; ValueError for a word that is none."""
        delay, down, lost = 0.0, False, False
        for word in filter(None, (part.strip() for part in text.split(","))):
            name, _, value = word.partition("=")
            if name == "delay":
                delay = float(value)
            elif word == "down":
                down = True
            elif word == "lost":
                lost = True
            else:
                raise ValueError(f"unknown fault {word!r}: delay=<seconds>, down or lost")
        return cls(delay, down, lost)


class FaultyShop:
    """Passes every call of the protocol on, through the fault that is switched on.

    It has no method of its own for any of them, so what the protocol gains is passed on as well; the shop's
    time and closing it are no calls to the shop, and never fail. Make one by :func:`faulty`.
    """

    def __init__(self, shop: ShopGateway, switch: Path, default: str = "") -> None:
        self._shop = shop
        self._switch = switch
        self._default = Fault.read(default)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        call = getattr(self._shop, name)
        if name in _ALWAYS or not callable(call):
            return call

        async def through(*args: Any, **kwargs: Any) -> Any:
            fault = self._fault()
            if fault.delay_s:
                await asyncio.sleep(fault.delay_s)
            if fault.down:
                raise ShopUnavailableError("the shop is switched off")
            result = await call(*args, **kwargs)
            if fault.lost:
                raise ShopTimeoutError("the answer of the shop is lost")
            return result

        return through

    def _fault(self) -> Fault:
        try:
            return Fault.read(self._switch.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return self._default


def faulty(shop: ShopGateway, switch: Path, default: str = "") -> ShopGateway:
    """Return `shop` behind the fault that the file `switch` names, else `default`."""
    return cast(ShopGateway, FaultyShop(shop, switch, default))
