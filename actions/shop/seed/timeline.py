"""Turns planned orders into dated rows. Everything lies before the first minute of the day of seeding.

So an order is the same whenever on a day the shop is filled, and nothing is ever delivered in the future.
"""

from __future__ import annotations

import hashlib
import random
from collections import defaultdict
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from actions.shop.models import RETURN_REASONS, AfterSaleKind, AfterSaleState, Fault, OrderState
from actions.shop.rules import REVIEW_HOURS, end_of_day
from actions.shop.seed.catalogue import Row, catalogue_items
from actions.shop.seed.plans import AfterSalePlan, OrderPlan, Person, seed_texts
from actions.shop.verification import tail_hash
from persona.privacy.vault import Vault

PAY_WINDOW = timedelta(hours=72)
_FREE_FREIGHT_FROM = 99
_FREIGHT = Decimal("8.00")
_EXPRESS = Decimal("12.00")
_UNSHIPPED = {OrderState.UNPAID, OrderState.PAID, OrderState.CANCELLED}


class Timeline:
    """Collects the rows of all customers.

    Args:
        midnight: 00:00 of the day of seeding, shop's time.
        seed: makes numbers and moments reproducible.
        vault: hashes the phone tails.
    """

    def __init__(self, midnight: datetime, seed: int, vault: Vault) -> None:
        self.rows: dict[str, list[Row]] = defaultdict(list)
        self._midnight = midnight
        self._seed = seed
        self._vault = vault
        self._numbers: set[str] = set()
        self._browsed: set[tuple[str, datetime]] = set()
        self._items = catalogue_items()

    def add_order(self, person: Person, index: int, plan: OrderPlan, address: Row) -> None:
        """Add one order with all that hangs on it."""
        rng = random.Random(f"{self._seed}:{person.customer_id}:{index}")
        placed = self._moment(plan.ago, rng)
        number = self._number(placed, f"{self._seed}:{person.customer_id}:{index}")
        order = self._order_row(person, plan, number, placed, rng)
        order.update(address, phone_tail=tail_hash(self._vault, number, address["phone"]))
        self.rows["orders"].append(order)
        if plan.state not in _UNSHIPPED and not self._refunded_before_dispatch(plan):
            self._add_shipment(plan, order, address, rng)
        for _ in range(plan.urged):
            self._add_urge(order, rng)
        if plan.after_sale is not None:
            self._add_after_sale(plan, plan.after_sale, order, rng)
        if plan.review is not None and plan.arrived is not None:
            self._add_review(person, plan, order, rng)
        self._add_browses(person, plan, placed, rng)

    # -- the order ---------------------------------------------------------------------------------

    def _order_row(
        self, person: Person, plan: OrderPlan, number: str, placed: datetime, rng: random.Random
    ) -> Row:
        goods = Decimal("0.00")
        for line, wanted in enumerate(plan.items):
            item = self._items[wanted.product_id]
            variant = item.variant(wanted.label)
            price = item.price_then(variant, plan.ago)
            goods += price * wanted.quantity
            self.rows["order_items"].append(
                {
                    "order_number": number,
                    "line": line,
                    "product_id": item.product_id,
                    "sku_id": variant.sku_id,
                    "name": item.data["name"],
                    "short_name": item.data["short"],
                    "sku_label": variant.label,
                    "quantity": wanted.quantity,
                    "unit_price": price,
                    "picture": item.picture,
                    "engraving": wanted.engraving,
                }
            )
        freight = Decimal("0.00") if goods >= _FREE_FREIGHT_FROM else _FREIGHT
        freight += _EXPRESS if plan.express else 0
        coupon_id = self._used_coupon(person, plan, number, placed) if plan.coupon else None
        discount = Decimal(plan.coupon).quantize(Decimal("0.01"))
        unpaid = plan.state in {OrderState.UNPAID, OrderState.CANCELLED}
        paid = None if unpaid else placed + timedelta(seconds=rng.randint(20, 600))
        cancelled = placed + timedelta(hours=2) if plan.state is OrderState.CANCELLED else None
        return {
            "order_number": number,
            "customer_id": person.customer_id,
            "state": plan.state.value,
            "placed_at": placed,
            "paid_at": paid,
            "cancelled_at": cancelled,
            "ship_by": paid + timedelta(hours=24 if plan.express else 48) if paid else None,
            "pay_by": placed + PAY_WINDOW if plan.state is OrderState.UNPAID else None,
            "urged_at": None,
            "goods_total": goods,
            "freight": freight,
            "discount": discount,
            "total": goods + freight - discount,
            "payment_method": rng.choice(seed_texts()["payments"]),
            "express": plan.express,
            "coupon_id": coupon_id,
            "note": plan.note,
            "cancel_cause": plan.cancelled_for,
        }

    def _used_coupon(self, person: Person, plan: OrderPlan, number: str, placed: datetime) -> str:
        coupon_id = f"k{number}"
        self.rows["coupons"].append(
            {
                "coupon_id": coupon_id,
                "customer_id": person.customer_id,
                "amount": Decimal(plan.coupon),
                "minimum": Decimal(0),
                "scope": "all",
                "valid_until": end_of_day(placed, 30),
                "used": True,
                "name": seed_texts()["coupons"]["used"],
            }
        )
        return coupon_id

    def _add_urge(self, order: Row, rng: random.Random) -> None:
        shipped = self.rows["shipments"][-1] if self.rows["shipments"] else None
        end = self._midnight
        if shipped is not None and shipped["order_number"] == order["order_number"]:
            end = shipped["delivered_at"] or end
        at = order["placed_at"] + (end - order["placed_at"]) * rng.uniform(0.5, 0.95)
        at = at.replace(microsecond=0)
        if at.hour < 8:  # nobody urges in the small hours
            at -= timedelta(hours=9)
        order["urged_at"] = max(at, order["urged_at"] or at)
        self.rows["urges"].append(
            {"order_number": order["order_number"], "at": at, "customer_id": order["customer_id"]}
        )

    # -- the parcel --------------------------------------------------------------------------------

    def _add_shipment(self, plan: OrderPlan, order: Row, address: Row, rng: random.Random) -> None:
        texts = seed_texts()
        placed, city = order["placed_at"], address["city"].removesuffix("市")
        cold = any("温控" in self._items[item.product_id].data["tags"] for item in plan.items)
        carrier = texts["carriers"]["cold" if cold else "express" if plan.express else "normal"]
        promised = end_of_day(placed, 2 if plan.express else 4).replace(hour=20, minute=0, second=0)
        delivered = None
        if plan.arrived is not None:
            day = self._midnight - timedelta(days=plan.arrived)
            delivered = day + timedelta(minutes=rng.randint(9 * 60, 19 * 60))
        shipped = order["paid_at"] + timedelta(hours=3 if plan.express else 7, minutes=rng.randint(0, 90))
        names = ["picked", "sorted", "left", "arrived", "station", "delivering", "delivered"]
        if delivered is None:
            # on its way: the last step lies before today, the doorstep still ahead
            end = self._midnight - timedelta(minutes=rng.randint(60, 240))
            travelled = {1: 1, 2: 3}.get(plan.ago, 4)
            travelled += 1 if plan.out else 0
            names = names[:travelled] + (["stuck"] if plan.state is OrderState.EXCEPTION else [])
            shipped = min(shipped, end - timedelta(hours=1))
        else:
            end = delivered
        fractions = [0.0] if len(names) == 1 else [step / (len(names) - 1) for step in range(len(names))]
        places = {"picked": texts["origin"], "sorted": texts["origin"], "left": texts["origin"]}
        for step, (name, fraction) in enumerate(zip(names, fractions, strict=True)):
            self.rows["shipment_trace"].append(
                {
                    "order_number": order["order_number"],
                    "step": step,
                    "at": (shipped + (end - shipped) * fraction).replace(microsecond=0),
                    "place": places.get(name, city),
                    "text": texts["trace"][name].format(
                        city=city, district=address["district"], cause=plan.cause
                    ),
                }
            )
        if delivered is not None:
            expected = delivered
        elif promised <= self._midnight or plan.state is OrderState.EXCEPTION:
            expected = end_of_day(self._midnight, 2).replace(hour=18, minute=0, second=0)
        else:
            expected = promised.replace(hour=18)
        self.rows["shipments"].append(
            {
                "order_number": order["order_number"],
                "carrier": carrier,
                "tracking_number": f"ZX{self._digits(order['order_number'], 11)}",
                "shipped_at": shipped,
                "promised_by": promised,
                "expected_by": expected,
                "delivered_at": delivered,
                "exception": plan.cause if plan.state is OrderState.EXCEPTION else None,
                "out_for_delivery_at": end.replace(microsecond=0) if plan.out else None,
            }
        )

    @staticmethod
    def _refunded_before_dispatch(plan: OrderPlan) -> bool:
        return plan.after_sale is not None and plan.arrived is None

    # -- after the sale ----------------------------------------------------------------------------

    def _add_after_sale(self, plan: OrderPlan, asked: AfterSalePlan, order: Row, rng: random.Random) -> None:
        created = max(self._moment(asked.asked, rng), order["paid_at"] + timedelta(hours=1))
        number = f"AS{created:%y%m%d}{self._digits(order['order_number'] + 'as', 6)}"
        before_dispatch = plan.arrived is None
        fault = RETURN_REASONS[asked.reason]
        owed = order["freight"] if fault is Fault.SHOPPER and not before_dispatch else Decimal(0)
        steps = self._steps(asked, created, before_dispatch)
        if before_dispatch:
            order["cancelled_at"] = created
        refund_by = None
        if asked.kind is not AfterSaleKind.EXCHANGE:
            if asked.state is AfterSaleState.DONE:
                refund_by = steps[-1][0]
            elif asked.state is AfterSaleState.RECEIVED or before_dispatch:
                refund_by = end_of_day(self._midnight, 2)
        approved = {AfterSaleState.APPROVED, AfterSaleState.RECEIVED, AfterSaleState.DONE}
        self.rows["after_sales"].append(
            {
                "request_number": number,
                "order_number": order["order_number"],
                "customer_id": order["customer_id"],
                "kind": asked.kind.value,
                "state": asked.state.value,
                "reason": asked.reason,
                "fault": fault.value,
                "refund_amount": Decimal(0)
                if asked.kind is AfterSaleKind.EXCHANGE
                else order["total"] - owed,
                "created_at": created,
                "review_by": created + timedelta(hours=REVIEW_HOURS),
                "refund_by": refund_by,
                "return_address": seed_texts()["return_address"]
                if asked.state in approved and not before_dispatch
                else None,
            }
        )
        words = seed_texts()["steps"]
        for step, (at, name) in enumerate(steps):
            self.rows["after_sale_steps"].append(
                {
                    "request_number": number,
                    "step": step,
                    "at": at,
                    "place": words["place"],
                    "text": words[name],
                }
            )

    def _steps(
        self, asked: AfterSalePlan, created: datetime, before_dispatch: bool
    ) -> list[tuple[datetime, str]]:
        done = {AfterSaleKind.EXCHANGE: "done_exchange", AfterSaleKind.REFUND: "done_refund"}
        approved = "cancelled" if before_dispatch else "approved"
        names = {
            AfterSaleState.SUBMITTED: ["submitted"],
            AfterSaleState.APPROVED: ["submitted", approved],
            AfterSaleState.RECEIVED: ["submitted", approved, "received"],
            AfterSaleState.DONE: ["submitted", approved, "received", done.get(asked.kind, "done")],
            AfterSaleState.REJECTED: ["submitted", "rejected"],
            AfterSaleState.WITHDRAWN: ["submitted", "withdrawn"],
        }[asked.state]
        hours = {"submitted": 0, "cancelled": 0, "withdrawn": 2, "rejected": 3, "approved": 3, "received": 75}
        last = self._midnight - timedelta(minutes=1)
        return [(min(created + timedelta(hours=hours.get(name, 99)), last), name) for name in names]

    def _add_review(self, person: Person, plan: OrderPlan, order: Row, rng: random.Random) -> None:
        wait = {"perfect": 15, "lively": 1}.get(person.habit, 4)
        written = self._midnight - timedelta(
            days=max((plan.arrived or 0) - wait, 0), minutes=rng.randint(60, 600)
        )
        self.rows["reviews"].append(
            {
                "order_number": order["order_number"],
                "product_id": plan.items[0].product_id,
                "customer_id": person.customer_id,
                "stars": plan.stars,
                "text": plan.review,
                "pictures": plan.pictures,
                "written_at": written,
            }
        )

    # -- behaviour ---------------------------------------------------------------------------------

    def _add_browses(self, person: Person, plan: OrderPlan, placed: datetime, rng: random.Random) -> None:
        """Add what was looked at before the order: hardly anything, a long comparison, or a stroll."""
        wanted = plan.items[0].product_id
        shelf = [item for item in self._items.values() if item.listed_ago >= plan.ago and item.to_be_had]
        same = [i.product_id for i in shelf if i.category == self._items[wanted].category]
        if person.habit == "power":
            self._browse(
                person, wanted, placed - timedelta(seconds=rng.randint(40, 150)), rng.randint(20, 60)
            )
        elif person.habit == "perfect":
            for index in range(rng.randint(4, 7)):
                seen = wanted if index % 2 == 0 else rng.choice(same)
                at = placed - timedelta(minutes=rng.randint(30, 2800))
                self._browse(person, seen, at, rng.randint(120, 480), compared=index > 0, detail=True)
        elif person.habit == "lively":
            new = [i.product_id for i in shelf if i.listed_ago - plan.ago <= 30] or same
            for _ in range(rng.randint(3, 6)):
                at = placed - timedelta(minutes=rng.randint(5, 90))
                self._browse(person, rng.choice(new), at, rng.randint(20, 90))
            self._browse(person, wanted, placed - timedelta(minutes=4), rng.randint(30, 120))
        else:
            for _ in range(2):
                at = placed - timedelta(minutes=rng.randint(15, 60))
                self._browse(person, wanted, at, rng.randint(60, 180))

    def _browse(
        self,
        person: Person,
        product_id: str,
        at: datetime,
        seconds: int,
        *,
        compared: bool = False,
        detail: bool = False,
    ) -> None:
        at = at.replace(microsecond=0)
        while (person.customer_id, at) in self._browsed:
            at -= timedelta(seconds=1)
        self._browsed.add((person.customer_id, at))
        self.rows["browses"].append(
            {
                "customer_id": person.customer_id,
                "at": at,
                "product_id": product_id,
                "seconds": seconds,
                "compared": compared,
                "detail_opened": detail,
            }
        )

    # -- numbers and moments -----------------------------------------------------------------------

    def _moment(self, days_ago: int, rng: random.Random) -> datetime:
        """Return a waking moment so many days before the day of seeding; 0 is yesterday's late evening."""
        if days_ago <= 0:
            return self._midnight - timedelta(minutes=rng.randint(10, 90))
        return self._midnight - timedelta(days=days_ago) + timedelta(minutes=rng.randint(8 * 60, 14 * 60))

    def _number(self, placed: datetime, name: str) -> str:
        number = f"{placed:%Y%m%d}{self._digits(name, 4)}"
        while number in self._numbers:
            number = f"{number[:8]}{(int(number[8:]) + 1) % 10_000:04d}"
        self._numbers.add(number)
        return number

    def _digits(self, name: str, count: int) -> str:
        value = int(hashlib.sha256(f"{self._seed}:{name}".encode()).hexdigest(), 16)
        return f"{value % 10**count:0{count}d}"


def phone_of(seed: int, customer_id: str) -> str:
    """Return a made-up mobile number of a customer."""
    value = int(hashlib.sha256(f"{seed}:{customer_id}:phone".encode()).hexdigest(), 16)
    return f"1{(38, 39, 58, 86, 77)[value % 5]}{value // 7 % 10**8:08d}"


def address_row(person: Person, phone: str) -> dict[str, Any]:
    """Return the parts of a person's address that orders and the address book share."""
    province, city, district, street = person.place
    return {
        "address_id": f"a{person.customer_id[1:]}1",
        "consignee": person.name,
        "phone": phone,
        "province": province,
        "city": city,
        "district": district,
        "street": street,
    }
