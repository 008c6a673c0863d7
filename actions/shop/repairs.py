"""Warranty and repair of what was bought."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from actions.shop.errors import NotFoundError
from actions.shop.loading import load_after_sales, load_goods
from actions.shop.models import RETURN_REASONS, AfterSaleKind, Order
from actions.shop.service_models import RepairResult, Warranty
from actions.shop.service_rules import GuaranteedLine, check_repair, warranty
from actions.shop.transaction import Write
from actions.shop.writing import open_request, open_requests

_LONGEST_FAULT = 1000


def judge_warranties(session: Session, now: datetime, order: Order) -> list[Warranty]:
    """Return the warranty of each line of an order."""
    goods = load_goods(session, [order])
    return [
        warranty(
            order,
            GuaranteedLine(
                product_id=item.product_id,
                short_name=item.short_name,
                category=goods[item.product_id].category,
                months=goods[item.product_id].warranty_months,
                terms=goods[item.product_id].warranty_terms,
            ),
            now,
        )
        for item in order.items
    ]


def request_repair(write: Write, product_id: str, fault: str) -> RepairResult:
    """Open a repair; the order stays delivered, for the same piece comes back."""
    write.lock()
    fault = fault.replace("\0", "").strip()[:_LONGEST_FAULT]

    def change() -> str:
        order = write.order()
        found = [w for w in judge_warranties(write.session, write.now, order) if w.product_id == product_id]
        if not found:
            raise NotFoundError("no such line")
        asked = bool(open_requests(write.session, [write.order_number]))
        reason = check_repair(found[0], open_request=asked)
        return open_request(
            write,
            order,
            AfterSaleKind.REPAIR,
            reason,
            text="repair_covered" if found[0].covered else "repair_paid",
            fault=RETURN_REASONS[reason],
            product_id=product_id,
            description=fault,
        )

    arguments = {"order": write.order_number, "product": product_id, "fault": fault}
    number, repeated = write.once("repair", arguments, change)
    return RepairResult(load_after_sales(write.session, "request_number", number)[0], repeated)
