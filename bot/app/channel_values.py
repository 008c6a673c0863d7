"""The settings of the messaging channels that are switched on, as the environment or the file gives them.

Their names are the platforms' own (``ZHIXIN_WECHAT_TOKEN``, ``wechat_token`` in the file), so they are read
apart from ours, and only for platforms that ``ZHIXIN_CHANNELS`` names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.app import checks


def variables(names: str) -> tuple[str, ...]:
    """Return the variables of the platforms that are named; unknown names have none."""
    if not names:
        return ()
    from bot.channels import channel_settings

    wanted = set(checks.split(names)) & set(channel_settings.known())
    return tuple(found for name in sorted(wanted) for found in channel_settings.variables(name))


def problems(names: str, values: Mapping[str, str]) -> list[str]:
    """Return what is wrong with the platforms' settings, one sentence each."""
    if not names:
        return []
    from bot.channels import channel_settings
    from bot.channels.base import SettingsProblem

    found: list[str] = []
    for name in checks.split(names):
        try:
            channel_settings.read(name, values)
        except SettingsProblem as exc:
            found += exc.problems
    return found


def read(names: str, values: Mapping[str, str]) -> dict[str, Any]:
    """Return name → settings of each platform that is switched on.

    Raises:
        ValueError: something is wrong; the text says all of it.
    """
    if wrong := problems(names, values):
        raise ValueError("; ".join(wrong))
    if not names:
        return {}
    from bot.channels import channel_settings

    return {name: channel_settings.read(name, values) for name in checks.split(names)}
