"""What a conversation that has ended still owes a shopper comes before what she writes next."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.bot.conversation.courier_harness import LONG, Wechats, replies
from tests.bot.conversation.desk_harness import Desk
from tests.bot.conversation.harness import rows, until
from tests.bot.conversation.rasa_stub import answer
from tests.support.photographs import photograph


@asynccontextmanager
async def owing(wechats: Wechats) -> AsyncIterator[str]:
    """An agent has ended a conversation of which she has got five parts of thirteen; yields its id."""
    many = replies(*(f"第{number:02}{LONG}" for number in range(13)))
    wechats.rasa.script = lambda turn: answer(turn, many if turn.get("text") == "多" else None)
    async with wechats.open() as front:
        await wechats.write("一")
        await until(lambda: wechats.link("sent") == (1,))
        await wechats.write("多")
        await until(lambda: wechats.link("state") == ("closed",))
        (before,) = wechats.link("conversation_id")
        desk = Desk(front)
        agent = await desk.hire("小周")
        await desk.hands.take_over(before, agent)
        await desk.hands.close(before, agent, outcome="solved")
        yield before


async def test_the_rest_comes_first_and_a_figure_rates_nothing(wechats: Wechats) -> None:
    async with owing(wechats) as before:
        await wechats.write("1")  # five more may come; no rating of what is asked behind them
        await until(lambda: len(wechats.got()) == 11)
        await until(lambda: wechats.link("state") == ("closed",))
        assert wechats.link("conversation_id") == (before,)
        await wechats.write("还在吗")
        await until(lambda: wechats.got()[-1].endswith("答：还在吗"))
        assert [text[:3] for text in wechats.got()[1:14]] == [f"第{number:02}" for number in range(13)]
        assert wechats.link("conversation_id") != (before,)
        assert sum("答：1" in text for text in wechats.got()) == 1
        assert not rows(wechats.record, "SELECT 1 FROM conversation_ratings")


async def test_a_picture_is_fetched_once_the_rest_has_come(wechats: Wechats) -> None:
    async with owing(wechats):
        wechats.api.media["m1"] = photograph()
        await wechats.write("", MsgType="image", MsgId=7, PicUrl="", MediaId="m1")
        await until(lambda: len(wechats.got()) == 11)
        waits = "SELECT 1 FROM channel_inbox WHERE state = 'waiting' AND trouble = 'owed'"
        await until(lambda: bool(rows(wechats.record, waits)))
        assert wechats.api.asked.count("get") == 0
        await wechats.write("还在吗")
        await until(lambda: wechats.got()[-1].endswith("答：还在吗"))
        assert wechats.api.asked.count("get") == 1
