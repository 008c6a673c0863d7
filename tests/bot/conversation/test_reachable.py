"""What is known of a channel is what its platform does."""

from __future__ import annotations

import importlib
import pkgutil
from datetime import timedelta

from bot.channels import platforms
from bot.channels.base import HasMedia
from bot.conversation.reachable import CHANNELS, takes_pictures


def test_every_platform_is_known_with_its_window_and_pictures() -> None:
    names = set()
    for found in pkgutil.iter_modules(platforms.__path__, f"{platforms.__name__}."):
        module = importlib.import_module(found.name)
        names.add(module.NAME)
        made = next(
            one
            for one in vars(module).values()
            if isinstance(one, type) and one.__module__ == module.__name__ and hasattr(one, "receive")
        )
        assert takes_pictures(module.NAME) is issubclass(made, HasMedia)
        limits = getattr(made, "limits", None)
        if limits is not None:
            assert CHANNELS[module.NAME].window == limits.window
    assert names == set(CHANNELS) - {"web"}
    assert CHANNELS["wechat"].window == timedelta(hours=48)
    assert not takes_pictures("sms")
