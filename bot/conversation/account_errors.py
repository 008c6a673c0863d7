"""What can be wrong with an agent's account or login, named after the rule it protects."""

from __future__ import annotations

from bot.conversation.errors import ConversationError


class AccountError(ConversationError):
    """Base of the errors of accounts. Nothing was changed where one is raised."""


class LoginTakenError(AccountError):
    """Another account has this login."""


class BadAccountError(AccountError):
    """Login or name are not of the form that accounts have."""


class NoSuchAgentError(AccountError):
    """No account has this id or login."""


class LastAdminError(AccountError):
    """The only active administrator can be neither disabled nor given a lesser role."""


class WeakPasswordError(AccountError):
    """The password is not good enough.

    Attributes:
        why: ``too_short``, ``too_long``, ``like_name``, ``too_simple`` or ``common``.
    """

    def __init__(self, why: str, sentence: str) -> None:
        """Keep the code; the sentence is for the command line."""
        super().__init__(sentence)
        self.why = why


class LoginRefusedError(AccountError):
    """Wrong login or wrong password or a disabled account: callers must not tell them apart."""


class LockedOutError(AccountError):
    """Too many wrong passwords for this login or from this network address.

    Attributes:
        wait_s: seconds until the next attempt counts.
    """

    def __init__(self, wait_s: float) -> None:
        """Keep the time to wait."""
        super().__init__("too many wrong passwords; try again later")
        self.wait_s = wait_s


class LoginBusyError(AccountError):
    """More logins are being checked than this process takes on at a time."""
