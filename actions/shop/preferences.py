"""What a customer does not want to be shown: products that she dislikes, or has already."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from actions.shop.errors import NotFoundError
from actions.shop.loading import known_form
from actions.shop.models import Preference, PreferenceKind
from actions.shop.schema import ProductRow
from actions.shop.service_models import PreferenceResult
from actions.shop.service_schema import PreferenceRow
from actions.shop.transaction import CustomerWrite

#: Before the moment, in the outcome that a key remembers.
OUTCOME = "noted:"


def note_preference(write: CustomerWrite, product_id: str, kind: PreferenceKind) -> PreferenceResult:
    """Note it, in the place of what she said of the same product before."""
    write.lock()
    if not known_form(product_id) or write.session.get(ProductRow, product_id) is None:
        raise NotFoundError("no such product")

    def change() -> str:
        row = write.session.get(PreferenceRow, (write.customer_id, product_id))
        if row is None:
            write.session.add(
                PreferenceRow(
                    customer_id=write.customer_id, product_id=product_id, kind=kind.value, at=write.now
                )
            )
        else:
            row.kind, row.at = kind.value, write.now
        return f"{OUTCOME}{write.now.isoformat()}"

    arguments = {"customer": write.customer_id, "product": product_id, "kind": kind.value}
    outcome, repeated = write.once("prefer", arguments, change)
    noted_at = datetime.fromisoformat(outcome.removeprefix(OUTCOME))
    return PreferenceResult(Preference(product_id, kind, noted_at), repeated)


def load_preferences(session: Session, customer_id: str) -> list[Preference]:
    """Return what a customer does not want to be shown, newest first."""
    rows = session.execute(
        select(PreferenceRow.product_id, PreferenceRow.kind, PreferenceRow.at)
        .where(PreferenceRow.customer_id == customer_id)
        .order_by(PreferenceRow.at.desc(), PreferenceRow.product_id)
    )
    return [Preference(row.product_id, PreferenceKind(row.kind), row.at) for row in rows]
