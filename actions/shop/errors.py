"""What can go wrong between an action and the shop, named after the rule it protects."""

from __future__ import annotations


class ShopError(Exception):
    """Base of all shop errors."""


class ShopUnavailableError(ShopError):
    """The shop did not answer usefully: the shopper is told so and nothing was done."""


class ShopTimeoutError(ShopUnavailableError):
    """The shop did not answer in time. A write may or may not have happened: repeat it with the same key."""


class ShopGarbledError(ShopUnavailableError):
    """The shop's answer to a read cannot be understood. The text names the field and no value of it.

    Attributes:
        path: where in the answer, e.g. ``items[2].total``; "" for the whole answer.
    """

    def __init__(self, message: str, path: str = "") -> None:
        """Name what is wrong, and where."""
        super().__init__(f"{path}: {message}" if path else message)
        self.path = path


class ShopRefusedError(ShopUnavailableError):
    """The shop does not let us in: key, client or scope are not right. Nothing was done."""


class ShopCircuitOpenError(ShopUnavailableError):
    """The shop failed so often that it is left in peace for a while: it was not asked."""


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


class NotOfferedError(ShopError):
    """This backend does not do this; whoever asked says so and does without."""


class EventDataError(ShopError):
    """What a shop told lacks something or cannot be read. The text names the key alone."""
