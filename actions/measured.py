"""The shop as the processes see it: each call is counted, timed and logged, never with what it was about."""

from __future__ import annotations

import functools
import inspect
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, cast

from actions.shop.errors import ShopError, ShopUnavailableError
from actions.shop.gateway import ShopGateway
from persona.telemetry import metrics

logger = logging.getLogger("zhixin.shop")

#: The calls a gateway has; what is not among them is passed on as it is.
OPERATIONS = frozenset(
    name
    for name, member in inspect.getmembers(ShopGateway, inspect.isfunction)
    if not name.startswith("_") and name != "close"
)


class _MeasuredShop:
    """Passes every call on to a gateway, whatever it speaks to."""

    def __init__(self, shop: ShopGateway) -> None:
        self._shop = shop

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._shop, name)
        if name not in OPERATIONS:
            return found
        watched = _watched(name, found)
        self.__dict__[name] = watched  # looked up once
        return watched


def measured(shop: ShopGateway) -> ShopGateway:
    """Return the gateway with its calls watched."""
    return cast(ShopGateway, _MeasuredShop(shop))


def _watched(operation: str, call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    @functools.wraps(call)
    async def through(*args: Any, **kwargs: Any) -> Any:
        began = time.perf_counter()
        outcome = "failed"
        try:
            result = await call(*args, **kwargs)
            outcome = "ok"
            return result
        except BaseException as exc:
            outcome = outcome_of(exc)
            raise
        finally:
            took = time.perf_counter() - began
            fields = {"operation": operation, "outcome": outcome, "ms": took * 1000}
            metrics.SHOP_CALLS.labels(operation, metrics.SHOP_OUTCOMES.of(outcome)).inc()
            metrics.SHOP_SECONDS.labels(operation).observe(took)
            logger.info("shop call", extra={"fields": fields})

    return through


def outcome_of(exc: BaseException) -> str:
    """Return how a call ended: ``unavailable``, ``refused`` (a rule, not there), ``cut_off``, ``failed``."""
    if isinstance(exc, ShopUnavailableError):
        return "unavailable"
    if isinstance(exc, ShopError):
        return "refused"
    return "failed" if isinstance(exc, Exception) else "cut_off"
