"""What live pages ask the record for: whose a changed conversation is, and the numbers of all who look."""

from __future__ import annotations

from bot.conversation.changes import Changes
from tests.bot.conversation.desk_harness import Desk
from tests.bot.conversation.harness import Front


async def test_news_say_whose_a_conversation_is(front: Front) -> None:
    desk = Desk(front)
    lin, wang = await desk.hire("小林"), await desk.hire("小王")
    cids = [(await front.open()).conversation_id for _ in range(4)]
    await desk.hands.take_over(cids[0], lin)
    await desk.hands.take_over(cids[1], wang)
    await desk.hands.take_over(cids[2], wang)
    await desk.hands.hand_back(cids[2], wang, outcome="solved")
    changes = Changes(front.conversations._store.database)
    assert await changes.holders(cids) == {cids[0]: lin, cids[1]: wang}
    assert await changes.holders([]) == {}


async def test_the_numbers_of_several_are_those_of_each(front: Front) -> None:
    desk = Desk(front)
    lin, wang = await desk.hire("小林"), await desk.hire("小王")
    shoppers = [await front.open() for _ in range(3)]
    for shopper in shoppers[:2]:
        await desk.hands.take_over(shopper.conversation_id, lin)
        await shopper.say("在吗")
        await shopper.say("人呢")
    first, second = (shopper.conversation_id for shopper in shoppers[:2])
    await desk.hands.reply(first, lin, key="k1", text="在的")
    await desk.hands.seen(first, lin, seq=99)
    await desk.hands.seen(second, wang, seq=99)  # what a colleague has read is unread for the agent
    for key in ("n1", "n2"):
        await desk.hands.note(first, lin, key=key, text="看一下", mentions=[wang])
    both = await front.conversations.desk.counts_of([lin, wang])
    assert both[lin] == {
        "mine": 2,
        "waiting": 0,
        "all": 3,
        "unread": 1,
        "owed": 1,
        "mentions": 0,
        "requests": 0,
    }
    assert both[wang] == {**both[lin], "mine": 0, "unread": 0, "owed": 0, "mentions": 1}
    assert both[wang] == await front.conversations.desk.counts(wang)
