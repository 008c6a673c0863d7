"""What the shop holds of a customer: level, points, addresses. After login only."""

from __future__ import annotations

from abc import abstractmethod

from typing_extensions import override

from actions.base import Events, ShopAction, TurnContext, option
from actions.shop.models import Address, MemberLevel
from persona.privacy.masking import mask_name, mask_phone


class AccountAction(ShopAction):
    """An answer from the account. An anonymous shopper is told what she can do, and nothing else."""

    #: Code of what was asked for, see ``labels.yml`` group ``account_topic``.
    topic: str

    @override
    async def handle(self, turn: TurnContext) -> Events | None:
        customer_id = turn.identity.customer_id
        if customer_id is None:
            if turn.identity.link:  # nobody logs in where she writes
                steps = [option("bind_account"), option("ask_order_status"), option("ask_human")]
                turn.say("utter_binding_needed", {"what": self.topic}, steps)
                return None
            facts = {"what": self.topic, "login": True, "by_order": True}
            turn.say("utter_login_needed", facts, [option("ask_order_status"), option("ask_human")])
            return None
        await self.tell(turn, customer_id)
        return None

    @abstractmethod
    async def tell(self, turn: TurnContext, customer_id: str) -> None:
        """Answer the customer that the message comes from."""


class ShowMembership(AccountAction):
    """Tells the level, with points and the day of registration."""

    topic = "membership"

    @override
    def name(self) -> str:
        return "action_show_membership"

    @override
    async def tell(self, turn: TurnContext, customer_id: str) -> None:
        customer = await turn.shop.customer(customer_id)
        facts = {
            "level": customer.level,
            "points": customer.points,
            "since": customer.registered_at.date(),
            "priority": customer.level is not MemberLevel.ORDINARY,  # published; the figures are the front's
        }
        turn.say("utter_membership", facts, [option("ask_points"), option("ask_coupons")])


class ShowPoints(AccountAction):
    """Tells the points, and which of them lapse when."""

    topic = "points"

    @override
    def name(self) -> str:
        return "action_show_points"

    @override
    async def tell(self, turn: TurnContext, customer_id: str) -> None:
        customer = await turn.shop.customer(customer_id)
        facts = {"points": customer.points, "level": customer.level}
        response = "utter_points"
        if customer.points_expiring and customer.points_expire_on is not None:
            facts |= {"expiring": customer.points_expiring, "expire_on": customer.points_expire_on}
            response = "utter_points_expiring"
        turn.say(response, facts, [option("ask_coupons"), option("ask_membership")])


class ShowAddresses(AccountAction):
    """Lists the saved addresses, default first, names and phones masked."""

    topic = "address"

    @override
    def name(self) -> str:
        return "action_show_addresses"

    @override
    async def tell(self, turn: TurnContext, customer_id: str) -> None:
        customer = await turn.shop.customer(customer_id)
        addresses = sorted(customer.addresses, key=lambda address: not address.is_default)
        if not addresses:
            turn.say("utter_no_addresses", options=[option("list_orders"), option("ask_recommendation")])
            return
        facts = {"count": len(addresses), "addresses": [_shown(address) for address in addresses]}
        turn.say("utter_my_addresses", facts, [option("change_address"), option("list_orders")])


def _shown(address: Address) -> dict[str, object]:
    # Municipalities are their own province: 上海市上海市 reads like a mistake.
    province = "" if address.province == address.city else address.province
    return {
        "place": f"{province}{address.city}{address.district}{address.street}",
        "consignee": mask_name(address.consignee),
        "phone": mask_phone(address.phone),
        "is_default": address.is_default,
    }
