"""The shop's policies as a file: written out, and brought in where they differ."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from actions.shop.errors import NotOfferedError, RuleError, ShopError
from actions.shop.gateway import ShopGateway
from actions.shop.policy_file import write_text
from actions.shop.policy_models import Policy
from bot.app.output import CommandError
from bot.app.settings import Settings
from bot.app.shops import open_shop

T = TypeVar("T")


@dataclass(frozen=True)
class Imported:
    """What came of each topic of a file.

    Attributes:
        changed: put in the place of what was there (or to be, where nothing is written).
        same: there already.
        unknown: topics that the shop has not; nothing is written where there are any.
        refused: topics that the shop did not take, each with the rule.
    """

    changed: tuple[str, ...] = ()
    same: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


def export(settings: Settings) -> str:
    """Return what the shop has as YAML.

    Raises:
        CommandError: the shop does not answer, or has none.
    """

    async def run(shop: ShopGateway) -> str:
        return write_text(await shop.policies())

    return _with_shop(settings, run)


def bring_in(settings: Settings, policies: Sequence[Policy], *, by: str, write: bool = True) -> Imported:
    """Change the shop's policies to those of a file, where they differ; others stay as they are.

    Args:
        settings: where the shop is.
        policies: as the file says, sound.
        by: login of who does it, for the history.
        write: False only compares.

    Raises:
        CommandError: the shop does not answer.
    """
    return _with_shop(settings, lambda shop: _bring_in(shop, policies, by=by, write=write))


async def _bring_in(shop: ShopGateway, policies: Sequence[Policy], *, by: str, write: bool) -> Imported:
    stored = {policy.topic: policy for policy in await shop.policies()}
    unknown = tuple(policy.topic for policy in policies if policy.topic not in stored)
    if unknown:
        return Imported(unknown=unknown)
    changed, same, refused = [], [], []
    run = secrets.token_hex(8)
    for policy in policies:
        there = stored[policy.topic]
        if (policy.title, policy.clauses) == (there.title, there.clauses):
            same.append(policy.topic)
            continue
        try:
            if write:
                wanted = replace(policy, version=there.version)
                await shop.change_policy(wanted, by=by, key=f"import/{run}/{policy.topic}")
            changed.append(policy.topic)
        except RuleError as exc:
            refused.append(f"{policy.topic}: {exc.rule}")
    return Imported(tuple(changed), tuple(same), (), tuple(refused))


def _with_shop(settings: Settings, work: Callable[[ShopGateway], Awaitable[T]]) -> T:
    async def run() -> T:
        shop = open_shop(settings)
        try:
            return await work(shop)
        except NotOfferedError as exc:
            raise CommandError("the shop's backend does not do this with policies") from exc
        except ShopError as exc:
            raise CommandError(f"the shop did not answer: {exc}") from exc
        finally:
            await shop.close()

    return asyncio.run(run())
