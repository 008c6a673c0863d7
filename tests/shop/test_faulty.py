"""The fault switch stands before every method of the protocol, also before those that come later."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest

from actions.shop.errors import ShopTimeoutError, ShopUnavailableError
from actions.shop.faulty import FaultyShop, faulty
from actions.shop.gateway import ShopGateway
from actions.shop.sql import SqlShop

METHODS = sorted(name for name, _ in inspect.getmembers(ShopGateway, inspect.iscoroutinefunction))
ALWAYS = {"now", "close"}


class Recorder:
    """Answers every method with what it was asked."""

    def __getattr__(self, name: str) -> Any:
        async def answer(*args: Any, **kwargs: Any) -> Any:
            return name, args, kwargs

        return answer


def test_the_protocol_has_the_methods_that_this_test_goes_through() -> None:
    assert len(METHODS) >= 38
    assert {"take", "orders", "claim_coupon", "now"} <= set(METHODS)
    assert not set(METHODS) & set(vars(FaultyShop)), "written out again"
    assert all(inspect.iscoroutinefunction(getattr(SqlShop, name)) for name in METHODS)


@pytest.mark.parametrize("method", METHODS)
async def test_every_method_goes_through_the_fault(method: str, tmp_path: Path) -> None:
    switch = tmp_path / "shop-fault"
    shop = faulty(Recorder(), switch)  # type: ignore[arg-type]
    call = getattr(shop, method)
    expected = (method, ("a", 1), {"key": "k"})
    assert await call("a", 1, key="k") == expected
    for word, error in (("down", ShopUnavailableError), ("lost", ShopTimeoutError)):
        switch.write_text(word)
        if method in ALWAYS:
            assert await call("a", 1, key="k") == expected
            continue
        with pytest.raises(error):
            await call("a", 1, key="k")
    switch.unlink()
    assert await call("a", 1, key="k") == expected


def test_what_nobody_has_is_missing(tmp_path: Path) -> None:
    shop = FaultyShop(object(), tmp_path / "none")  # type: ignore[arg-type]
    for name in ("orders", "_secret", "__len__"):
        with pytest.raises(AttributeError):
            getattr(shop, name)
