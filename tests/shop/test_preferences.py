"""What a customer does not want to be shown: left out at once, what is like it last, forgotten with her."""

from __future__ import annotations

import pytest

from actions.shop.errors import KeyReusedError, NotFoundError
from actions.shop.models import PreferenceKind
from actions.shop.sql import SqlShop
from tests.support.shop import NOW, Clock

WHO = "u1006"
DISLIKED, OWNED = PreferenceKind.DISLIKED, PreferenceKind.OWNED


async def shown(shop: SqlShop, words: str = "", limit: int = 12) -> list[str]:
    return [p.product_id for p, _ in await shop.recommend(customer_id=WHO, words=words, limit=limit)]


@pytest.mark.parametrize("kind", list(PreferenceKind))
async def test_it_is_left_out_from_the_next_answer_on(shop: SqlShop, kind: PreferenceKind) -> None:
    before = await shown(shop)
    await shop.note_preference(WHO, before[0], kind, key="k")
    after = await shown(shop)
    assert before[0] not in after
    assert len(after) == len(before)
    others = [p.product_id for p, _ in await shop.recommend(customer_id="u1001", limit=60)]
    assert before[0] in others or before[0] not in [
        p.product_id for p, _ in await shop.recommend(customer_id=None, limit=60)
    ]


async def test_what_is_like_it_comes_last(shop: SqlShop) -> None:
    await shop.note_preference(WHO, "p104", DISLIKED, key="k")  # one phone
    asked = await shown(shop, "手机", limit=60)
    assert "p104" not in asked
    assert "p103" in asked  # the other phone is not banned: she asked for phones
    unasked = await shown(shop, limit=60)
    if "p103" in unasked:
        phones = unasked.index("p103")
        assert all("手机" not in (await shop.product(pid)).aliases for pid in unasked[:phones])


async def test_the_last_word_counts_and_a_key_notes_once(shop: SqlShop, clock: Clock) -> None:
    first = await shop.note_preference(WHO, "p101", OWNED, key="k1")
    assert (first.preference.kind, first.preference.noted_at, first.repeated) == (OWNED, NOW, False)
    clock.forward(minutes=5)
    second = await shop.note_preference(WHO, "p101", DISLIKED, key="k2")
    again = await shop.note_preference(WHO, "p101", OWNED, key="k1")
    assert again.repeated
    assert again.preference == first.preference
    assert (await shop.history(WHO)).preferences == (second.preference,)
    with pytest.raises(KeyReusedError):
        await shop.note_preference(WHO, "p102", OWNED, key="k1")


@pytest.mark.parametrize(
    ("who", "product"), [(WHO, "p999"), (WHO, "\0"), ("nobody", "p101"), ("", "p101"), (WHO, "")]
)
async def test_what_is_not_known_is_not_noted(shop: SqlShop, who: str, product: str) -> None:
    with pytest.raises(NotFoundError):
        await shop.note_preference(who, product, DISLIKED, key="k")


async def test_it_goes_with_her(shop: SqlShop) -> None:
    await shop.note_preference(WHO, "p101", DISLIKED, key="k")
    assert await shop.erase_customer(WHO)
    assert (await shop.history(WHO)).preferences == ()
