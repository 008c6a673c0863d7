"""What a platform hears from a front that listens already and has not started its channels yet."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from bot.channels.errors import ApiError
from bot.channels.messaging import Messaging


async def test_a_front_that_has_just_begun_asks_for_the_same_again() -> None:
    later: Any = None  # none of it is needed before a platform is there
    messaging = Messaging(
        later, names={"signed"}, platforms={}, inbox=later, hearing=later, draining=later, clock=later
    )
    for name, status in ("signed", 503), ("elsewhere", 404):
        call = make_mocked_request("POST", f"/channels/{name}", match_info={"name": name})
        with pytest.raises((ApiError, web.HTTPNotFound)) as refused:
            await messaging.take(call)
        assert refused.value.status == status
