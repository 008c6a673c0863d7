"""Service hours and levels from the real embedded shop."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from actions.shop.errors import ShopError
from actions.shop.faulty import faulty
from actions.shop.schema import CustomerRow
from bot.app.shop_duty import ShopDuty
from bot.conversation.escalation import Rules
from bot.conversation.schema import SHANGHAI
from tests.support.shop import demo_shop

DAY = datetime(2026, 11, 23, tzinfo=SHANGHAI)


async def test_hours_are_kept_while_the_shop_is_away(tmp_path: Path) -> None:
    shop, _ = demo_shop(tmp_path)
    switch = tmp_path / "fault"
    duty = ShopDuty(faulty(shop, switch, ""))
    assert duty.at(DAY).open_now and duty.at(DAY).answer_by is None  # nothing is known yet
    await duty.refresh()
    hours = await shop.service_hours()
    opens = DAY + timedelta(hours=int(hours.opens[:2]), minutes=int(hours.opens[3:]))
    before, within = duty.at(opens - timedelta(minutes=1)), duty.at(opens + timedelta(minutes=1))
    assert not before.open_now and before.answer_by == opens + timedelta(minutes=hours.answer_minutes)
    assert within.open_now
    switch.write_text("down", encoding="utf-8")
    with pytest.raises(ShopError):
        await duty.refresh()
    assert not duty.at(opens - timedelta(minutes=1)).open_now
    await shop.close()


async def test_levels_are_those_that_have_a_published_head_start(tmp_path: Path) -> None:
    shop, _ = demo_shop(tmp_path)
    duty = ShopDuty(shop)
    with shop.engine.connect() as connection:
        customers = connection.execute(CustomerRow.__table__.select()).all()
    for customer in customers:
        assert await duty.level(customer.customer_id) == customer.level
        assert customer.level in Rules.load().level_start
    assert await duty.level("nobody") == ""
    await shop.close()
