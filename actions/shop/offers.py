"""Promotions and coupons: what runs, what a customer has, and claiming a coupon."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from actions.shop.errors import NotFoundError
from actions.shop.loading import known_form
from actions.shop.models import Coupon, MemberLevel
from actions.shop.rules import end_of_day
from actions.shop.schema import CouponRow, ProductRow
from actions.shop.service_models import CouponResult, Promotion, PromotionKind
from actions.shop.service_rules import ANNOUNCED_WITHIN, NOTHING, check_claim, holds_for
from actions.shop.service_schema import PromotionRow
from actions.shop.transaction import CustomerWrite


def load_promotions(session: Session, now: datetime, product_id: str | None) -> list[Promotion]:
    """Return what runs now or begins within a week, first to end first; of one product where one is named.

    NotFoundError if the product is unknown.
    """
    statement = (
        select(PromotionRow.__table__)
        .where(PromotionRow.ends_at > now, PromotionRow.starts_at <= now + ANNOUNCED_WITHIN)
        .order_by(PromotionRow.ends_at, PromotionRow.promotion_id)
    )
    found = [to_promotion(row) for row in session.execute(statement)]
    if product_id is None:
        return found
    category = None
    if known_form(product_id):
        category = session.execute(
            select(ProductRow.category).where(ProductRow.product_id == product_id)
        ).scalar_one_or_none()
    if category is None:
        raise NotFoundError("no such product")
    return [promotion for promotion in found if holds_for(promotion, product_id, category)]


def to_promotion(row: Any) -> Promotion:
    """Turn a row into a promotion."""
    return Promotion(
        promotion_id=row.promotion_id,
        title=row.title,
        kind=PromotionKind(row.kind),
        scope=row.scope,
        product_ids=tuple(row.product_ids),
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        minimum=row.minimum,
        amount=row.amount,
        percent=row.percent,
        gift=row.gift,
        with_coupons=row.with_coupons,
        level=MemberLevel(row.level) if row.level else None,
    )


def load_coupons(session: Session, now: datetime, customer_id: str) -> list[Coupon]:
    """Return the coupons that can be used at `now`, the first to lapse first."""
    statement = (
        select(CouponRow.__table__)
        .where(CouponRow.customer_id == customer_id, CouponRow.used.is_(False), CouponRow.valid_until >= now)
        .order_by(CouponRow.valid_until, CouponRow.coupon_id)
    )
    return [to_coupon(row) for row in session.execute(statement)]


def to_coupon(row: Any) -> Coupon:
    """Turn a row into a coupon."""
    return Coupon(
        coupon_id=row.coupon_id,
        amount=row.amount,
        minimum=row.minimum,
        scope=row.scope,
        valid_until=row.valid_until,
        used=row.used,
        name=row.name,
    )


def claim_coupon(write: CustomerWrite, promotion_id: str) -> CouponResult:
    """Give the customer the coupon of a promotion. Her row is locked, so she gets one however she asks."""
    customer = write.lock()
    row = write.session.get(PromotionRow, promotion_id) if known_form(promotion_id) else None
    if row is None or row.kind != PromotionKind.COUPON.value:
        raise NotFoundError("no such coupon promotion")
    promotion = to_promotion(row)

    def change() -> str:
        claimed = write.session.execute(
            select(CouponRow.coupon_id).where(
                CouponRow.customer_id == write.customer_id, CouponRow.promotion_id == promotion_id
            )
        ).first()
        check_claim(promotion, MemberLevel(customer.level), write.now, claimed=claimed is not None)
        coupon_id = write.vault.blind(f"{write.customer_id}:{promotion_id}", "coupons.coupon_id")
        write.session.add(
            CouponRow(
                coupon_id=coupon_id,
                customer_id=write.customer_id,
                amount=promotion.amount or NOTHING,
                minimum=promotion.minimum or NOTHING,
                scope=promotion.scope,
                valid_until=_valid_until(row, write.now),
                used=False,
                name=promotion.title,
                promotion_id=promotion_id,
            )
        )
        write.session.flush()
        return coupon_id

    arguments = {"customer": write.customer_id, "promotion": promotion_id}
    coupon_id, repeated = write.once("coupon", arguments, change)
    return CouponResult(to_coupon(write.session.get(CouponRow, coupon_id)), repeated)


def _valid_until(row: PromotionRow, now: datetime) -> datetime:
    """Return the last second on which the coupon counts: so many days, or as long as the promotion runs."""
    if row.coupon_days is None:
        return row.ends_at - timedelta(seconds=1)
    return end_of_day(now, row.coupon_days)
