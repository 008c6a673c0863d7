"""What can go wrong between an action and the shop, named after the rule it protects."""

from __future__ import annotations


class ShopError(Exception):
    """Base of all shop errors."""


class ShopUnavailableError(ShopError):
    """The shop did not answer usefully: the shopper is told so and nothing was done."""


class ShopTimeoutError(ShopUnavailableError):
    """The shop did not answer in time. A write may or may not have happened: repeat it with the same key."""


class NotFoundError(ShopError):
    """No such thing, or not this customer's: callers must not tell the two apart to a shopper."""


class RuleError(ShopError):
    """The shop's rules forbid the write. Nothing was changed.

    Attributes:
        rule: code of the rule, e.g. ``already_shipped``; words for it live in YAML.
    """

    def __init__(self, rule: str, detail: str = "") -> None:
        """Name the rule by its code."""
        super().__init__(f"{rule}: {detail}" if detail else rule)
        self.rule = rule


class KeyReusedError(ShopError):
    """An idempotency key was used again for a different write."""
