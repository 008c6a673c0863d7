"""Notes and withdrawals through HTTP are those of the shop itself."""

from __future__ import annotations

from dataclasses import replace

import pytest

from actions.shop.errors import NotFoundError, RuleError, ShopTimeoutError
from actions.shop.models import AfterSaleKind, AfterSaleState, OrderState
from tests.shop.helpers import order_in
from tests.shop.http.conftest import Stage


async def test_a_note_goes_through_whole(stage: Stage) -> None:
    order = await order_in(stage.sql, OrderState.PAID)
    words = "放门口<b>；{{ 7*7 }}"
    result = await stage.shop.note_order(order.order_number, words, customer_id=order.customer_id, key="n")
    assert result.order == await stage.sql.order(order.order_number, customer_id=None)
    assert result.order.note == words
    with pytest.raises(RuleError) as refused:
        await stage.shop.note_order(order.order_number, "长" * 101, customer_id=None, key="n2")
    assert refused.value.rule == "note_too_long"
    for stranger in ("u1002", "", ".."):
        with pytest.raises(NotFoundError):
            await stage.shop.note_order(order.order_number, words, customer_id=stranger, key="n3")


async def test_a_request_is_withdrawn_once(stage: Stage) -> None:
    order = await order_in(stage.sql, OrderState.SHIPPED)
    number, owner = order.order_number, order.customer_id
    opened = await stage.sql.request_after_sale(
        number, AfterSaleKind.REFUND, "changed_mind", customer_id=None, key="r"
    )
    request = opened.request.request_number
    for stranger in ("u1002" if owner != "u1002" else "u1001", "", ".."):
        with pytest.raises(NotFoundError):
            await stage.shop.withdraw_after_sale(request, customer_id=stranger, key="w0")
    over_http = await stage.shop.withdraw_after_sale(request, customer_id=owner, key="w")
    assert over_http.request.state is AfterSaleState.WITHDRAWN
    assert replace(over_http, repeated=True) == (
        await stage.sql.withdraw_after_sale(request, customer_id=owner, key="w")
    )
    with pytest.raises(RuleError) as refused:
        await stage.shop.withdraw_after_sale(request, customer_id=owner, key="w2")
    assert refused.value.rule == "already_closed"


async def test_an_answer_about_another_request_leaves_the_outcome_open(stage: Stage) -> None:
    order = await order_in(stage.sql, OrderState.SHIPPED)
    opened = await stage.sql.request_after_sale(
        order.order_number, AfterSaleKind.REFUND, "changed_mind", customer_id=None, key="r"
    )
    stage.faults("spoil=request.request_number:text,only=withdraw_after_sale")
    with pytest.raises(ShopTimeoutError):
        await stage.shop.withdraw_after_sale(opened.request.request_number, customer_id=None, key="w")
