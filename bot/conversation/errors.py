"""What can be wrong with a request to a conversation, named after the rule it protects."""

from __future__ import annotations


class ConversationError(Exception):
    """Base of all errors of this room. Nothing was changed where one is raised."""


class AccessDeniedError(ConversationError):
    """No such conversation, or not with this secret: callers must not tell the two apart."""


class MessageConflictError(ConversationError):
    """The message id was used before in this conversation, with other content."""


class ButtonNotOfferedError(ConversationError):
    """This conversation was never offered such a button."""


class ConversationClosedError(ConversationError):
    """The conversation is over; a new one must be opened."""


class TooManyPendingError(ConversationError):
    """Too many messages of the conversation wait for an answer already."""


class IdentityConflictError(ConversationError):
    """The conversation belongs to another customer already."""


class KeyReusedError(ConversationError):
    """An idempotency key was used before for a different request."""


class CursorInvalidError(ConversationError):
    """A cursor was not made for this conversation, or not by us."""


class TransitionError(ConversationError):
    """The owner of a conversation may not change this way."""


class NothingToRateError(ConversationError):
    """Nothing was answered in this conversation yet."""


class RatingSettledError(ConversationError):
    """The rating is older than a day: it stays as it is."""


class DeskError(ConversationError):
    """What an agent asked for cannot be done."""


class AlreadyHeldError(DeskError):
    """A colleague has the conversation.

    Attributes:
        name: the colleague's name, for people.
    """

    def __init__(self, name: str) -> None:
        super().__init__("another agent has the conversation")
        self.name = name


class NotHeldError(DeskError):
    """Only who has the conversation may do this."""


class UnknownAgentError(DeskError):
    """No such account, or one that is switched off."""


class UnknownMessageError(DeskError):
    """The conversation has no such message, or not of the kind that is needed."""


class UnknownRequestError(DeskError):
    """No such service request, or it was done before."""


class PersonalisationOffError(DeskError):
    """Nothing may be inferred about this shopper: there is nothing to correct."""


class AssertionInvalidError(ConversationError):
    """A signed grant is not valid for this conversation and message."""


class LeaseLostError(ConversationError):
    """Another process has taken over the conversation; its answer counts, not ours."""


class RasaError(ConversationError):
    """Rasa gave no usable answer."""


class RasaAwayError(RasaError):
    """Rasa cannot be reached, is not ready, or takes too long: the same message id is tried again."""


class RasaBrokenError(RasaError):
    """Rasa answered with something that is no turn (500, garbage, wrong form) or hung up half-way."""


class RasaRefusedError(RasaError):
    """Rasa calls the request malformed: trying again cannot help."""
