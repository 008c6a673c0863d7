"""The reference backend: the contract over a gateway, with aiohttp. Read it beside ``contract/openapi.yml``.

It is for trying out and for tests: what it does wrong can be switched with the header ``X-Reference-Fault``
of one request or, until further notice, with ``PUT /reference/fault``; ``GET /reference/calls`` tells how
often each operation was done. A real backend has none of the three.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from aiohttp import web

from actions.shop.errors import (
    KeyReusedError,
    NotFoundError,
    NotOfferedError,
    RuleError,
    ShopError,
    ShopGarbledError,
    ShopUnavailableError,
)
from actions.shop.gateway import ShopGateway
from actions.shop.http_operations import KEY_HEADER, OPERATIONS, Moment, Operation
from actions.shop.http_wire import decode, dumps, encode, loads
from actions.shop.keys import MAX_KEY_LENGTH
from actions.shop.reference.calls import HANDLERS, Incoming
from actions.shop.reference.faults import FaultBook, ServerFault, money_as_numbers, spoiled
from actions.shop.reference.guard import Guard

logger = logging.getLogger(__name__)

FAULT_HEADER = "X-Reference-Fault"
_MAX_BODY = 64 * 1024
_MAX_NAME = 128  # of customers, orders and products in an address
_HUGE = 8 * 1024 * 1024


@dataclass
class Reference:
    """What the backend works with.

    Attributes:
        shop: where the answers come from.
        guard: who may ask.
        faults: what goes wrong.
        calls: how often each operation was done with the shop.
    """

    shop: ShopGateway
    guard: Guard
    faults: FaultBook = field(default_factory=FaultBook)
    calls: Counter[str] = field(default_factory=Counter)


def make_app(reference: Reference) -> web.Application:
    """Return the application; the gateway stays the caller's to close."""
    app = web.Application(client_max_size=_MAX_BODY, middlewares=[_errors])
    for operation in OPERATIONS.values():
        app.router.add_route(operation.method, operation.path, _handler(reference, operation))
    app.router.add_post("/oauth/token", _token(reference))
    app.router.add_route("*", "/reference/fault", _fault_switch(reference))
    app.router.add_get("/reference/calls", _calls(reference))
    return app


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def _handler(reference: Reference, operation: Operation) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        fault = _fault_of(reference, request, operation)
        if "open" not in fault and ("deny" in fault or not reference.guard.opens(request.headers)):
            return _refusal()
        if fault.slow_s:
            await asyncio.sleep(fault.slow_s)
        if "down" in fault:
            return _cut(request)
        instead = _instead(fault)
        if instead is not None and "done" not in fault:
            return instead
        call = await _incoming(request, operation)
        answer = await _done(reference, operation, call)
        if "duplicate" in fault:
            answer = await _done(reference, operation, call)
        if "lost" in fault:
            return _cut(request)
        if instead is not None:
            return instead
        return await _sent(request, dumps(_shaped(operation, answer, fault)), half="half" in fault)

    return handle


async def _done(reference: Reference, operation: Operation, call: Incoming) -> Any:
    reference.calls[operation.name] += 1
    return await HANDLERS[operation.name](reference.shop, call)


async def _incoming(request: web.Request, operation: Operation) -> Incoming:
    key = request.headers.get(KEY_HEADER, "")
    if operation.keyed and not 0 < len(key) <= MAX_KEY_LENGTH:
        raise ShopGarbledError(f"a write carries a key of 1 to {MAX_KEY_LENGTH} characters", KEY_HEADER)
    unknown = set(request.query) - set(operation.query)
    if unknown:
        raise ShopGarbledError("this operation has no such parameter", sorted(unknown)[0][:40])
    for name, value in request.match_info.items():
        if len(value) > _MAX_NAME:
            raise ShopGarbledError(f"1 to {_MAX_NAME} characters are wanted", name)
    body = decode(operation.body, loads(await request.read())) if operation.body is not None else None
    return Incoming(dict(request.match_info), dict(request.query), body, key)


def _fault_of(reference: Reference, request: web.Request, operation: Operation) -> ServerFault:
    own = FaultBook()
    own.switch(request.headers.get(FAULT_HEADER, ""))
    return reference.faults.of(operation.name).and_also(own.of(operation.name))


def _instead(fault: ServerFault) -> web.Response | None:
    if fault.status:
        headers = {"Retry-After": fault.retry_after} if fault.retry_after else {}
        error = {"error": {"code": "fault", "message": "as it was asked for"}}
        return web.json_response(error, status=fault.status, headers=headers)
    if "redirect" in fault:
        return web.Response(status=302, headers={"Location": "https://elsewhere.example/"})
    if "garbage" in fault:
        return web.Response(body=b'{"order_number": "\xff\xfe', content_type="application/json")
    if "html" in fault:
        return web.Response(text="<html><body>Wartung / 维护中</body></html>", content_type="text/html")
    if "huge" in fault:
        return web.Response(body=b'{"items": "' + b"x" * _HUGE + b'"}', content_type="application/json")
    return None


def _shaped(operation: Operation, answer: Any, fault: ServerFault) -> Any:
    if isinstance(answer, Moment):
        answer = replace(answer, now=answer.now + timedelta(seconds=fault.skew_s))
    whole = encode(answer)
    if isinstance(whole, list):
        whole = {"items": whole}
    if "types" in fault:
        whole = money_as_numbers(whole)
    for path, how in fault.spoil:
        whole = spoiled(whole, path, how)
    return whole


async def _sent(request: web.Request, body: bytes, *, half: bool) -> web.StreamResponse:
    if not half:
        return web.Response(body=body, content_type="application/json")
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    response.content_length = len(body)
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()
    return response


def _cut(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def _refusal() -> web.Response:
    return _error(401, "unauthorized", "a valid X-Api-Key or bearer token is wanted")


def _error(status: int, code: str, message: str, **more: str) -> web.Response:
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    if status == 503:
        headers["Retry-After"] = "1"
    body = {"error": {"code": code, **more, "message": message}}
    return web.json_response(body, status=status, headers=headers)


_ERRORS: dict[type, tuple[int, str, str]] = {
    NotFoundError: (404, "not_found", "no such thing of this customer"),
    KeyReusedError: (422, "key_reused", "this key was used for a different write"),
    NotOfferedError: (501, "not_offered", "this backend does not do this"),
    ShopUnavailableError: (503, "unavailable", "try again"),
    ShopError: (500, "failed", "it failed"),
}


@web.middleware
async def _errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Map what the gateway raises to the contract's answers, in one place."""
    try:
        return await handler(request)
    except RuleError as exc:
        return _error(409, "rule", "the shop's rules forbid it", rule=exc.rule)
    except (ShopGarbledError, ValueError) as exc:
        return _error(400, "malformed", str(exc))
    except ShopError as exc:
        known = (_ERRORS[kind] for kind in type(exc).__mro__ if kind in _ERRORS)
        return _error(*next(known))
    except web.HTTPException as exc:
        code = "not_found" if exc.status == 404 else "malformed"
        answer = _error(exc.status, "no_such_operation" if exc.status == 404 else code, exc.reason)
        if "Allow" in exc.headers:  # of 405: RFC 9110, 15.5.6
            answer.headers["Allow"] = exc.headers["Allow"]
        return answer
    except Exception:
        logger.exception("%s failed", request.match_info.route.name or request.method)
        return _error(500, "failed", "it failed")


def _token(reference: Reference) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        form = await request.post()
        answer = reference.guard.token(request.headers, str(form.get("grant_type", "")))
        if answer is None:
            return web.json_response({"error": "invalid_client"}, status=401)
        return web.json_response(answer, headers={"Cache-Control": "no-store"})

    return handle


def _fault_switch(reference: Reference) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        if not reference.guard.opens(request.headers):
            return _refusal()
        if request.method == "PUT":
            reference.faults.switch(await request.text())
        elif request.method != "GET":
            raise web.HTTPMethodNotAllowed(request.method, ["GET", "PUT"])
        return web.json_response({"fault": reference.faults.text})

    return handle


def _calls(reference: Reference) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        if not reference.guard.opens(request.headers):
            return _refusal()
        return web.json_response(dict(reference.calls))

    return handle
