"""Token buckets in Redis, shared by all fronts: refilled, taken from and stored in one step of the server's.

The server's clock counts, so that fronts whose clocks differ agree. A bucket that would be full again is
gone. Keys are blind: a network address is personal data, and Redis knows none.
"""

from __future__ import annotations

from bot.conversation.redis_link import Client, RedisLink
from persona.privacy.vault import Vault

#: KEYS[1] the bucket; ARGV tokens a second, burst. Returns the seconds to wait, 0 where a token was taken.
_TAKE = """
local per_s, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1e6
local stored = redis.call('HMGET', KEYS[1], 'level', 'at')
local level, at = tonumber(stored[1]) or burst, tonumber(stored[2]) or now
level = math.min(burst, level + math.max(0, now - at) * per_s)
local wait = 0
if level >= 1 then level = level - 1 else wait = (1 - level) / per_s end
redis.call('HSET', KEYS[1], 'level', string.format('%.9f', level), 'at', string.format('%.6f', now))
redis.call('PEXPIRE', KEYS[1], math.ceil(1000 * burst / per_s) + 1000)
return string.format('%.9f', wait)
"""


class RedisRates:
    """Takes tokens from the buckets that all fronts share.

    Args:
        link: the connection.
        vault: blinds what is counted.
    """

    def __init__(self, link: RedisLink, vault: Vault) -> None:
        self._link = link
        self._vault = vault

    async def take(self, kind: str, key: str, per_s: float, burst: float) -> float | None:
        """Take one token; return 0, or the seconds to wait; None where Redis is away.

        Args:
            kind: which limit, a short word.
            key: who is limited.
            per_s: tokens a second.
            burst: the most tokens that can be saved up.
        """
        bucket = f"{self._link.prefix}rate:{kind}:{self._vault.blind(key, 'rate')}"

        async def work(client: Client) -> float:
            script = client.register_script(_TAKE)
            return float(await script(keys=[bucket], args=[per_s, burst]))

        return await self._link.run(work)
