"""Keys and OAuth2 tokens: got once, shared, renewed in time, never shown."""

from __future__ import annotations

import asyncio
import logging

import pytest
from aiohttp import web

from actions.shop.errors import ShopGarbledError, ShopRefusedError, ShopUnavailableError
from actions.shop.http_auth import ApiKey, ClientCredentials, OAuth2
from actions.shop.models import OrderState
from tests.shop.helpers import order_in
from tests.shop.http.conftest import Stage
from tests.shop.http.test_failures import SmallServer

SECRET = "client-secret"


def oauth(stage: Stage, secret: str = SECRET, url: str = "") -> OAuth2:
    credentials = ClientCredentials(url or f"{stage.url}/oauth/token", "zhixin", secret, "orders")
    return OAuth2(credentials, clock=stage.seconds)


async def test_many_callers_share_one_token(stage: Stage) -> None:
    shop = stage.make(oauth(stage))
    await asyncio.gather(*(shop.customer("u1006") for _ in range(10)))
    await shop.customer("u1001")
    assert stage.reference.guard.tokens_given == 1


async def test_a_token_is_renewed_before_it_ends(stage: Stage) -> None:
    stage.reference.guard.token_life_s = 600
    shop = stage.make(oauth(stage))
    await shop.customer("u1006")
    stage.seconds.now += 539
    await shop.customer("u1006")
    assert stage.reference.guard.tokens_given == 1
    stage.seconds.now += 1
    await shop.customer("u1006")
    assert stage.reference.guard.tokens_given == 2


async def test_a_short_token_is_used_for_most_of_its_life(stage: Stage) -> None:
    stage.reference.guard.token_life_s = 10
    shop = stage.make(oauth(stage))
    await shop.customer("u1006")
    stage.seconds.now += 8
    await shop.customer("u1006")
    assert stage.reference.guard.tokens_given == 1


async def test_a_token_that_was_taken_back_is_renewed_once_and_the_write_done_once(stage: Stage) -> None:
    order = await order_in(stage.sql, OrderState.SHIPPED)
    shop = stage.make(oauth(stage))
    await shop.customer("u1006")
    stage.reference.guard.revoke()
    result = await shop.urge(order.order_number, customer_id=None, key="k")
    assert not result.repeated
    assert stage.reference.guard.tokens_given == 2
    assert stage.seconds.slept == []


async def test_a_refusal_that_stays_is_told_after_one_new_token(stage: Stage) -> None:
    shop = stage.make(oauth(stage))
    stage.faults("deny")
    with pytest.raises(ShopRefusedError):
        await shop.customer("u1006")
    assert stage.reference.guard.tokens_given == 2


async def test_a_wrong_key_is_named_in_the_log_without_being_shown(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    shop = stage.make(ApiKey("not-the-key"))
    with pytest.raises(ShopRefusedError):
        await shop.customer("u1006")
    assert "check key or client" in caplog.text
    assert "not-the-key" not in caplog.text


async def test_a_wrong_client_is_refused_without_showing_its_secret(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    auth = oauth(stage, "wrong-secret")
    shop = stage.make(auth)
    with pytest.raises(ShopRefusedError) as caught:
        await shop.customer("u1006")
    assert "wrong-secret" not in repr(caught.value) + caplog.text + repr(auth._credentials)


async def test_a_dead_token_address_is_unavailable_and_nothing_was_done(stage: Stage) -> None:
    order = await order_in(stage.sql, OrderState.SHIPPED)
    shop = stage.make(oauth(stage, url="http://127.0.0.1:9/token"))
    with pytest.raises(ShopUnavailableError):
        await shop.urge(order.order_number, customer_id=None, key="k")
    assert not stage.reference.calls


@pytest.mark.parametrize(
    ("answer", "path"),
    [
        ({"token_type": "Bearer"}, "access_token"),
        ({"access_token": "a\r\nX: 1", "token_type": "Bearer"}, "access_token"),
        ({"access_token": "t", "token_type": "mac"}, "token_type"),
        ({"access_token": "t", "token_type": "bearer", "expires_in": "3600"}, "expires_in"),
        ([], ""),
    ],
)
async def test_a_strange_token_is_refused(
    stage: Stage, small_server: SmallServer, answer: object, path: str
) -> None:
    async def handle(_request: web.Request) -> web.StreamResponse:
        return web.json_response(answer)

    shop = stage.make(oauth(stage, url=await small_server(handle)))
    with pytest.raises(ShopGarbledError) as caught:
        await shop.customer("u1006")
    assert caught.value.path == path


async def test_one_caller_that_gives_up_leaves_the_token_to_the_others(
    stage: Stage, small_server: SmallServer
) -> None:
    asked, go = asyncio.Event(), asyncio.Event()

    async def handle(_request: web.Request) -> web.StreamResponse:
        asked.set()
        await go.wait()
        return web.json_response(stage.reference.guard.token(_request.headers, "client_credentials"))

    shop = stage.make(oauth(stage, url=await small_server(handle)))
    first, second = (asyncio.create_task(shop.customer("u1006")) for _ in range(2))
    await asked.wait()
    first.cancel()
    go.set()
    assert (await second).customer_id == "u1006"
    assert stage.reference.guard.tokens_given == 1
