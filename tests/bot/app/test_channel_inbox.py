"""``zhixin channel inbox`` and ``retry``, beside a front that runs over the same record."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import func, select

from bot.app.cli import main
from bot.app.front import shanghai_now
from bot.channels.platforms.signed import Settings
from bot.conversation import channel_trouble
from bot.conversation.channel_schema import channel_inbox, channel_links
from tests.bot.conversation.harness import Front, until
from tests.bot.conversation.rasa_stub import RasaStub
from tests.fakes.signed import KEY, Receiver, signed
from tests.support.waiting import eventually

SECRET_WORDS = "我的电话一三八"


@pytest_asyncio.fixture
async def rasa() -> AsyncIterator[RasaStub]:
    stub = RasaStub()
    await stub.start()
    yield stub
    await stub.stop()


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver(shanghai_now) as made:
        yield made


@pytest_asyncio.fixture
async def front(rasa: RasaStub, receiver: Receiver, tmp_path: Path) -> AsyncIterator[Front]:
    channels = {"signed": Settings(keys=(KEY,), url=receiver.url)}
    async with Front(f"sqlite:///{tmp_path / 'record.db'}", rasa.port, channels=channels) as made:
        yield made


async def write(front: Front, user: str, number: int, text: str, **more: Any) -> None:
    body = {"user": user, "message_id": f"{user}-{number}", "text": text, **more}
    assert (await front.request("POST", "/channels/signed", **signed(body, shanghai_now()))).status == 202


async def change(front: Front, statement: Any) -> int:
    database = front.conversations._store.database
    return int(await database.write(lambda c: c.execute(statement).rowcount))


async def number(front: Front, query: Any) -> int:
    database = front.conversations._store.database
    return int(await database.read(lambda c: c.execute(query).scalar()) or 0)


async def zhixin(folder: Path, *arguments: str) -> tuple[int, str, str]:
    """Run the command as an operator does: in another process."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot.app.cli",
        "channel",
        *arguments,
        env={**os.environ, "ZHIXIN_DATA_DIR": str(folder)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await child.communicate()
    return child.returncode or 0, out.decode(), err.decode()


async def test_what_was_set_aside_is_listed_without_a_word_of_hers_and_taken_again(
    front: Front, receiver: Receiver, rasa: RasaStub, tmp_path: Path
) -> None:
    assert await zhixin(tmp_path, "inbox") == (0, "", "zhixin: nothing stands still\n")
    hearing = front.conversations.beside._hearing  # type: ignore[union-attr]
    # As a message stands that forty tries could not take: waiting first, then set aside by the front itself.
    platforms = dict(hearing._platforms)
    hearing._platforms.clear()
    await write(front, "u1", 1, SECRET_WORDS)
    trouble = select(func.count()).where(channel_inbox.c.trouble == "channel is off")
    await eventually(lambda: number(front, trouble))
    code, out, _ = await zhixin(tmp_path, "inbox")
    assert code == 0 and "channel is off" in out and "next " in out
    await change(front, channel_inbox.update().values(state="aside", tries=40, trouble="KeyError"))
    hearing._platforms.update(platforms)
    code, out, _ = await zhixin(tmp_path, "inbox", "--channel", "signed")
    (line,) = out.splitlines()
    assert code == 0 and line.startswith("in ") and "40 tries  set aside  KeyError" in line
    assert SECRET_WORDS not in out and "u1" not in out
    assert (await zhixin(tmp_path, "inbox", "--channel", "wechat"))[1] == ""
    assert (await zhixin(tmp_path, "retry", "--channel", "wechat"))[1].startswith("zhixin: 0 that came")
    assert rasa.ran == []
    code, out, _ = await zhixin(tmp_path, "retry")
    assert (code, out) == (0, "zhixin: 1 that came and answers of 0 shoppers are tried again\n")
    await until(lambda: f"答：{SECRET_WORDS}" in receiver.texts("u1"))
    assert (await zhixin(tmp_path, "retry"))[1].startswith("zhixin: 0 that came and answers of 0")
    assert sum(f"答：{SECRET_WORDS}" == text for text in receiver.texts("u1")) == 1


async def test_answers_that_wait_for_their_next_try_go_out_at_once_and_who_rests_is_counted(
    front: Front, receiver: Receiver, tmp_path: Path
) -> None:
    receiver.statuses = [410]
    await write(front, "gone", 1, "你好")
    await until(lambda: receiver.tried == 1)
    await eventually(lambda: number(front, select(func.count()).where(channel_links.c.state == "blocked")))
    receiver.statuses = [503] * 400
    await write(front, "u1", 1, "在吗")
    await eventually(lambda: number(front, select(func.max(channel_links.c.tries))))
    _, out, _ = await zhixin(tmp_path, "inbox")
    stuck, rests = out.splitlines()
    assert stuck.startswith("out") and "signed" in stuck and "next " in stuck and "u1" not in stuck
    assert "1 shoppers rest until they write: they have left" in rests
    receiver.statuses.clear()
    await write(front, "gone", 2, "回来了")
    await zhixin(tmp_path, "retry")
    await until(lambda: "答：在吗" in receiver.texts("u1") and "答：回来了" in receiver.texts("gone"))


async def test_what_a_front_works_on_now_is_left_to_it(front: Front, receiver: Receiver) -> None:
    await write(front, "u1", 1, "在吗")
    await until(lambda: len(receiver.of("u1")) == 2)
    now = shanghai_now()
    held = {
        "lease_holder": "another",
        "lease_until": now.replace(year=now.year + 1),
        "tries": 3,
        "trouble": "x",
    }
    await change(front, channel_links.update().values(**held))
    await change(front, channel_inbox.update().values(state="done", trouble="x"))
    database = front.conversations._store.database
    assert await database.write(lambda c: channel_trouble.retry(c, None, now)) == channel_trouble.Retried(
        0, 0
    )


def test_without_a_record_and_for_an_unknown_channel_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ZHIXIN_DATA_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for arguments, code, said in (
        (["inbox"], 1, "there is no record yet"),
        (["retry"], 1, "there is no record yet"),
        (["retry", "--channel", "nowhere"], 2, "there is no channel 'nowhere'"),
        (["check", "nowhere"], 2, "there is no channel 'nowhere'"),
    ):
        with pytest.raises(SystemExit) as left:
            main(["channel", *arguments])
        assert left.value.code == code and said in capsys.readouterr().err
    assert not (tmp_path / "record.db").exists()
    (tmp_path / "record.db").write_bytes(b"")
    with pytest.raises(SystemExit) as left:
        main(["channel", "inbox"])
    assert left.value.code == 1 and "cannot be used" in capsys.readouterr().err
