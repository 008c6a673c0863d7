"""Which channels can bring a shopper something that she did not just ask for, and what she can do there.

A new channel is added here by the name that its conversations bear; what is not here is never written to
unasked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Boolean, and_, or_
from sqlalchemy.sql.elements import ColumnElement

from bot.conversation.schema import conversations

_c = conversations.c


@dataclass(frozen=True)
class ChannelTraits:
    """What a channel can do.

    Attributes:
        can_push: what is stored in a conversation reaches the shopper by itself.
        can_rate: it shows a question for a rating that can be answered: with stars, or with a typed figure.
        takes_pictures: she can send pictures there, and they reach the record.
        logs_in: the shop's login can tell there who she is; elsewhere she binds her account.
        window: so long after her last message she can be pushed to; None: always. What comes later waits for
            her next message.
    """

    can_push: bool
    can_rate: bool = False
    takes_pictures: bool = False
    logs_in: bool = False
    window: timedelta | None = None


_TWO_DAYS = timedelta(hours=48)

CHANNELS: Mapping[str, ChannelTraits] = {
    # over the page's WebSocket, or with its next look
    "web": ChannelTraits(can_push=True, can_rate=True, takes_pictures=True, logs_in=True),
    # by the courier, within the windows that bot/channels/platforms/ declare; rated by number (typed_rating)
    "wechat": ChannelTraits(can_push=True, can_rate=True, takes_pictures=True, window=_TWO_DAYS),
    "wechat_mini": ChannelTraits(can_push=True, can_rate=True, takes_pictures=True, window=_TWO_DAYS),
    "wecom": ChannelTraits(can_push=True, can_rate=True, takes_pictures=True, window=_TWO_DAYS),
    "dingtalk": ChannelTraits(can_push=True, can_rate=True, takes_pictures=True),
    "feishu": ChannelTraits(can_push=True, can_rate=True, takes_pictures=True),
    "signed": ChannelTraits(can_push=True, can_rate=True, takes_pictures=True),
}


def pushable(now: datetime) -> ColumnElement[Boolean]:
    """Return the condition that what is said in a conversation now reaches its shopper by itself."""
    always = [name for name, traits in CHANNELS.items() if traits.can_push and traits.window is None]
    still = [
        and_(_c.channel == name, _c.last_at > now - traits.window)
        for name, traits in CHANNELS.items()
        if traits.can_push and traits.window is not None
    ]
    return or_(_c.channel.in_(always), *still)


def rating() -> tuple[str, ...]:
    """Return the channels in which a rating can be asked for."""
    return tuple(name for name, traits in CHANNELS.items() if traits.can_rate)


def takes_pictures(channel: str) -> bool:
    """Return whether a shopper can send pictures on a channel."""
    traits = CHANNELS.get(channel)
    return traits is not None and traits.takes_pictures


def logs_in(channel: str) -> bool:
    """Return whether a shopper can log in on a channel; of an unknown one nothing else is known."""
    traits = CHANNELS.get(channel)
    return traits is None or traits.logs_in
