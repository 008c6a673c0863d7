"""What several fronts share by Redis: rate limits and news. Without it everything works as for one.

The library is imported only where an address is given.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from aiohttp import web

from bot.channels.limits import Limiter, RateLimits
from bot.conversation.hub import Hub
from persona.privacy.vault import Vault

if TYPE_CHECKING:
    from bot.conversation.redis_link import RedisLink
    from bot.conversation.redis_news import RedisNews

#: The connection, where there is one; its ``ping()`` is cheap.
REDIS: web.AppKey[RedisLink] = web.AppKey("redis")
NEWS: web.AppKey[RedisNews] = web.AppKey("news")


def open_link(url: str, vault: Vault) -> RedisLink | None:
    """Return the connection to Redis, None where none is wanted.

    Raises:
        ValueError: the address is malformed.
    """
    if not url:
        return None
    from bot.conversation.redis_link import RedisLink

    return RedisLink(url, vault)


def make_limiter(limits: RateLimits, link: RedisLink | None, vault: Vault) -> Limiter:
    """Return the front's limiter."""
    if link is None:
        return Limiter(limits)
    from bot.conversation.redis_rates import RedisRates

    return Limiter(limits, shared=RedisRates(link, vault))


def share_news(app: web.Application, link: RedisLink | None, hub: Hub) -> None:
    """Carry the hub's news to other fronts and back while the application runs."""
    if link is None:
        return
    from bot.conversation.redis_news import RedisNews

    news = RedisNews(link, hub)
    app[REDIS], app[NEWS] = link, news

    async def run(_app: web.Application) -> AsyncIterator[None]:
        async with news.running():
            yield
        await link.close()

    app.cleanup_ctx.append(run)
