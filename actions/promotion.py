"""Coupons and offers: what she has, why one does not count, what runs now, and claiming a coupon."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from rasa_sdk.events import SlotSet
from typing_extensions import override

from actions import parsing
from actions.base import Events, ShopAction, TurnContext, option
from actions.labels import label
from actions.looking import product_looked_at
from actions.order_choice import at_hand, item_names, load_order, named_number
from actions.product_choice import find_product, named_products
from actions.profile import AccountAction
from actions.returnable import terms_of
from actions.shop import cards
from actions.shop.errors import NotFoundError, RuleError
from actions.shop.models import Coupon, MemberLevel, OrderState, Product
from actions.shop.service_models import Promotion, PromotionKind

_ALL = "all"
_MOST, _MOST_DRAWN = 6, 20
_POINTS = re.compile(r"[这那][个款件双台部套盒箱种]|它")
_WHOLE_SHOP = re.compile(r"店|全场|你们|活动|都有|哪些|最近|今天")
_FIGURE = re.compile(r"(?<![\d.])\d{1,5}(?![\d.])")


def _coupon_row(coupon: Coupon) -> dict[str, Any]:
    return {
        "amount": coupon.amount,
        "minimum": coupon.minimum,
        "scope": coupon.scope,
        "valid_until": coupon.valid_until,
    }


class ShowCoupons(AccountAction):
    """Lists the coupons that can be used now, the first to lapse first."""

    topic = "coupons"

    @override
    def name(self) -> str:
        return "action_show_coupons"

    @override
    async def tell(self, turn: TurnContext, customer_id: str) -> None:
        coupons = await turn.shop.coupons(customer_id)
        if not coupons:
            turn.say("utter_no_coupons", options=[option("claim_coupon"), option("ask_promotions")])
            return
        facts = {"count": len(coupons), "coupons": [_coupon_row(c) for c in coupons[:_MOST]]}
        steps = [option("ask_promotions"), option("ask_coupon_problem"), option("ask_recommendation")]
        card = cards.coupons_card(coupons[:_MOST_DRAWN], await turn.shop.now(), label)
        turn.say("utter_coupons", facts, steps, card=("coupons", card))


class CheckCoupons(AccountAction):
    """Says for each coupon whether it counts for the goods that are meant, and what is missing."""

    topic = "coupons"

    @override
    def name(self) -> str:
        return "action_check_coupons"

    @override
    async def tell(self, turn: TurnContext, customer_id: str) -> None:
        coupons = (await turn.shop.coupons(customer_id))[:_MOST]
        if not coupons:
            turn.say("utter_coupon_none_usable", options=[option("claim_coupon"), option("ask_promotions")])
            return
        product = await _product_meant(turn)
        if product is None:
            rows = [_coupon_row(c) for c in coupons]
            steps = [option("ask_promotions"), option("ask_human")]
            turn.say("utter_coupon_conditions", {"count": len(rows), "coupons": rows}, steps)
            return
        running = await _running(turn, product.product_id)
        alone = next((p for p in running if not p.with_coupons), None)
        facts: dict[str, Any] = {
            "product": product.name,
            "price": product.price,
            "coupons": [_judged(coupon, product, blocked=alone is not None) for coupon in coupons],
        }
        if alone is not None:
            facts["offer"] = alone.title
        steps = [option("ask_promotions", product_id=product.product_id), option("ask_human")]
        turn.say("utter_coupon_check", facts, steps)


def _judged(coupon: Coupon, product: Product, *, blocked: bool) -> dict[str, Any]:
    """Return a coupon with its verdict for one piece of a product."""
    row = _coupon_row(coupon) | {"short": Decimal("0.00")}
    if coupon.scope not in (_ALL, product.category):
        return row | {"verdict": "other_goods"}
    if coupon.minimum > product.price:
        return row | {"verdict": "below_minimum", "short": coupon.minimum - product.price}
    return row | {"verdict": "not_with_offer" if blocked else "counts"}


async def _product_meant(turn: TurnContext) -> Product | None:
    """Return the product that is named, tapped, looked at or was spoken of; None without asking for one."""
    chosen = turn.entity("product_id")
    if chosen is None and turn.text:
        named = await named_products(turn)
        if named is not None:
            return named[0] if len(named) == 1 else None
        shown = await product_looked_at(turn)
        if shown is not None:
            return shown
    chosen = chosen or turn.slot("product_id")
    try:
        return await turn.shop.product(str(chosen)) if chosen else None
    except NotFoundError:  # taken from the shelf since
        return None


class TellPromotions(ShopAction):
    """Tells what runs, for the product that is named or in all of the shop. Open to everybody."""

    @override
    def name(self) -> str:
        return "action_tell_promotions"

    @override
    async def handle(self, turn: TurnContext) -> Events | None:
        asked = await _asked_product(turn, "ask_promotions")
        if asked.unclear:
            return asked.events
        found = list(await turn.shop.promotions(product_id=asked.product_id))
        now = await turn.shop.now()
        steps = [option("ask_coupons"), option("ask_recommendation")]
        if any(p.kind is PromotionKind.COUPON and p.starts_at <= now for p in found):
            steps.insert(0, option("claim_coupon"))
        facts: dict[str, Any] = {}
        if asked.product is not None:
            facts = {"product": asked.product.name, "price": asked.product.price}
        if found:
            shown = sorted(found, key=lambda p: p.starts_at > now)[:_MOST]  # what runs now comes first
            facts |= {"count": len(shown), "offers": [_offer(p, now) for p in shown]}
            facts |= {"more": len(found) - len(shown)} if len(found) > len(shown) else {}
        about = "_product" if asked.product is not None else ""
        turn.say(f"utter_promotions{about}" if found else f"utter_no_promotions{about}", facts, steps)
        return asked.events

    @override
    def not_found(self, turn: TurnContext) -> Events:
        """A tapped product has been taken from the shelf since."""
        turn.say("utter_which_product", options=[option("ask_promotions"), option("ask_recommendation")])
        return []


class TellStacking(TellPromotions):
    """Tells which offers may be combined with coupons and which not."""

    @override
    def name(self) -> str:
        return "action_tell_stacking"

    @override
    async def handle(self, turn: TurnContext) -> Events | None:
        asked = await _asked_product(turn, "ask_stacking")
        if asked.unclear:
            return asked.events
        found = await _running(turn, asked.product_id)
        facts: dict[str, Any] = {"product": asked.product.name} if asked.product is not None else {}
        steps = [option("ask_coupons"), option("ask_promotions", product_id=asked.product_id)]
        if not found:
            turn.say("utter_stacking_free", facts, steps)
            return asked.events
        offers = [{"title": p.title, "with_coupons": p.with_coupons} for p in found[:_MOST]]
        turn.say("utter_stacking", facts | {"offers": offers}, steps)
        return asked.events


@dataclass(frozen=True)
class _Asked:
    """What a question about offers is about.

    Attributes:
        product: the product; None for the whole shop.
        unclear: several products fit, and which one has been asked.
        events: what remembers it.
    """

    product: Product | None
    unclear: bool
    events: Events

    @property
    def product_id(self) -> str | None:
        """The product's id, None for the whole shop."""
        return self.product.product_id if self.product is not None else None


async def _asked_product(turn: TurnContext, intent: str) -> _Asked:
    """Find the product that a question about offers names, points to or looks at.

    It may be about the whole shop, also from a product's page: 店里有什么活动.
    """
    pointed = turn.entity("product_id") is not None
    if not pointed and turn.text:
        spoken_of = turn.slot("product_id") is not None and _POINTS.search(turn.text) is not None
        pointed = spoken_of or bool(await named_products(turn))
        if not pointed and not _WHOLE_SHOP.search(turn.text):
            pointed = await product_looked_at(turn) is not None
    if not pointed:
        return _Asked(None, False, [])
    product, events = await find_product(turn, intent)
    return _Asked(product, product is None, events)


async def _running(turn: TurnContext, product_id: str | None = None) -> list[Promotion]:
    """Return what runs now, without what is only announced."""
    now = await turn.shop.now()
    return [p for p in await turn.shop.promotions(product_id=product_id) if p.starts_at <= now < p.ends_at]


def _offer(promotion: Promotion, now: datetime) -> dict[str, Any]:
    """Return an offer as a row; what its kind does not use is None."""
    return {
        "title": promotion.title,
        "kind": promotion.kind,
        "scope": "selected" if promotion.product_ids else promotion.scope,
        "minimum": promotion.minimum,
        "amount": promotion.amount,
        # 85 percent are 8.5 折, 80 are 8 折.
        "fold": f"{promotion.percent / 10:g}" if promotion.percent else None,
        "gift": promotion.gift,
        "starts_at": promotion.starts_at,
        "ends_at": promotion.ends_at,
        "announced": promotion.starts_at > now,
        "with_coupons": promotion.with_coupons,
        "level": promotion.level,
    }


class ClaimCoupon(AccountAction):
    """Gives her the coupon of a running offer: the one meant, or the only one; asks where several can be had.

    It costs nothing and takes nothing away, so it is done without a question; the key makes a repeated
    message the same claim.
    """

    topic = "coupons"

    @override
    def name(self) -> str:
        return "action_claim_coupon"

    @override
    async def handle(self, turn: TurnContext) -> Events | None:
        if turn.identity.customer_id is None:
            return await super().handle(turn)
        offers = [p for p in await _running(turn) if p.kind is PromotionKind.COUPON]
        meant = _meant(turn, offers)
        if turn.entity("promotion_id") is not None and not meant:
            self._refuse(turn, "not_running")
        elif not offers:
            turn.say("utter_no_coupon_to_claim", options=[option("ask_coupons"), option("ask_promotions")])
        elif len(meant or offers) > 1:
            return self._ask(turn, meant or offers)
        else:
            await self._claim(turn, (meant or offers)[0], turn.identity.customer_id)
        return [SlotSet("offered_intent", None)]

    @override
    async def tell(self, turn: TurnContext, customer_id: str) -> None:
        """Nothing: :meth:`handle` answers customers itself, since it leaves events behind."""

    @staticmethod
    def _ask(turn: TurnContext, offers: Sequence[Promotion]) -> Events:
        shown = offers[:_MOST]
        options = [
            option("choose_coupon", promotion_id=p.promotion_id, amount=p.amount, minimum=p.minimum or 0)
            for p in shown
        ]
        now = max(p.starts_at for p in shown)  # all of them run: none is announced
        turn.say("utter_which_coupon", {"offers": [_offer(p, now) for p in shown]}, options)
        return [SlotSet("offered_orders", None), SlotSet("offered_intent", "claim_coupon")]

    async def _claim(self, turn: TurnContext, offer: Promotion, customer_id: str) -> None:
        try:
            result = await turn.shop.claim_coupon(
                offer.promotion_id,
                customer_id=customer_id,
                key=turn.key(f"claim_coupon/{offer.promotion_id}"),
            )
        except RuleError as exc:
            own = (await turn.shop.customer(customer_id)).level if exc.rule == "level_too_low" else None
            self._refuse(turn, exc.rule, offer, own)
            return
        facts = _coupon_row(result.coupon)
        turn.say("utter_coupon_claimed", facts, [option("ask_coupons"), option("ask_recommendation")])

    @staticmethod
    def _refuse(
        turn: TurnContext, rule: str, offer: Promotion | None = None, own: MemberLevel | None = None
    ) -> None:
        facts: dict[str, Any] = {"rule": rule}
        if offer is not None:
            facts["title"] = offer.title
        if offer is not None and offer.level is not None and own is not None:
            facts |= {"level": offer.level, "own": own}
        turn.say("utter_coupon_refused", facts, [option("ask_coupons"), option("ask_promotions")])

    @override
    def not_found(self, turn: TurnContext) -> Events:
        """The offer was taken back since it was shown."""
        self._refuse(turn, "not_running")
        return [SlotSet("offered_intent", None)]


def _meant(turn: TurnContext, offers: Sequence[Promotion]) -> list[Promotion]:
    """Return the offers that the message picks out: tapped, by place in the list, or by an amount."""
    tapped = turn.entity("promotion_id")
    if tapped is not None:
        return [p for p in offers if p.promotion_id == tapped]
    shown = offers[:_MOST]
    if turn.slot("offered_intent") == "claim_coupon":
        index = parsing.ordinal(turn.text, len(shown))
        if index is not None:
            return [shown[index]]
    figures = {Decimal(figure) for figure in _FIGURE.findall(parsing.normalise(turn.text))}
    return [p for p in offers if p.amount in figures] or [p for p in offers if p.minimum in figures]


class TellCouponReturn(ShopAction):
    """Tells when a coupon that was used comes back; for the order that is talked of, whether it does."""

    @override
    def name(self) -> str:
        return "action_tell_coupon_return"

    @override
    async def handle(self, turn: TurnContext) -> Events | None:
        facts: dict[str, Any] = {"before_dispatch": True, "after_dispatch": True, "same_end": True}
        number = named_number(turn) or await at_hand(turn)
        steps = [option("ask_coupons"), option("ask_human")]
        if number is not None and (not turn.identity.anonymous or number in turn.identity.orders):
            order = await load_order(turn, number)
            if order.state not in (OrderState.CANCELLED, OrderState.REFUNDED):
                back = (await terms_of(turn, number)).coupon_returns
                facts |= {} if back is None else {"items": item_names(order), "back": back}
                steps.insert(1, option("ask_return_policy", order_number=number))
        turn.say("utter_coupon_return", facts, steps)
        return None
