"""The one place where actions get the shop from: set once at start, injected in tests."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from actions.shop.gateway import ShopGateway

_DEFAULT_TIMEOUT_S = 9.0

_gateway: ShopGateway | None = None


def set_gateway(gateway: ShopGateway | None) -> None:
    """Give all actions of this process their shop; None takes it away (a test's end)."""
    global _gateway  # noqa: PLW0603  (one shop per process: rasa-sdk builds actions without arguments)
    _gateway = gateway


def gateway() -> ShopGateway:
    """Return the shop.

    Raises:
        RuntimeError: none was set; the action server must call :func:`set_gateway` before it serves.
    """
    if _gateway is None:
        raise RuntimeError("no shop gateway was set: call actions.shop_access.set_gateway at start")
    return _gateway


def timeout_s() -> float:
    """Return how many seconds one turn may spend with the shop (`ZHIXIN_SHOP_TIMEOUT_S`)."""
    return float(os.environ.get("ZHIXIN_SHOP_TIMEOUT_S", _DEFAULT_TIMEOUT_S))
