"""What the hand-over asks of the shop: service hours and membership levels, through the gateway."""

from __future__ import annotations

from datetime import datetime

from actions.service_time import answer_time
from actions.shop.errors import NotFoundError
from actions.shop.gateway import ShopGateway
from actions.shop.models import ServiceHours
from bot.conversation.duty import ServiceTime


class ShopDuty:
    """The shop's hours, kept from the last answer so that no hand-over waits for the shop.

    Args:
        shop: the gateway.
    """

    def __init__(self, shop: ShopGateway) -> None:
        self._shop = shop
        self._hours: ServiceHours | None = None

    def at(self, now: datetime) -> ServiceTime:
        """Return the service time; before the shop has answered once, that people are there."""
        if self._hours is None:
            return ServiceTime(open_now=True)
        found = answer_time(self._hours, now)
        return ServiceTime(found.open_now, found.answer_by)

    async def refresh(self) -> None:
        """Ask the shop for its hours again; raises ShopError where it does not answer."""
        self._hours = await self._shop.service_hours()

    async def level(self, customer_id: str) -> str:
        """Return the code of a customer's level, "" for a customer whom the shop does not know.

        Raises:
            ShopError: the shop does not answer.
        """
        try:
            return (await self._shop.customer(customer_id)).level.value
        except NotFoundError:
            return ""
