"""The side panel: what the shop knows of the shopper, what may be done there, and opening what is masked."""

from __future__ import annotations

import html
import logging
import re
from collections.abc import Awaitable
from typing import Any

from aiohttp import web

from actions.shop.errors import KeyReusedError, NotFoundError, RuleError, ShopUnavailableError
from actions.shop.models import Address, AfterSaleKind, Order
from bot.conversation.desk_types import DeskConversation, Role
from bot.desk.access import add_to_audit, agent_of, needs
from bot.desk.assist.case import authority
from bot.desk.assist.labels import label, shop_label
from bot.desk.assisting import assist_of
from bot.desk.errors import DeskRefusal, wants_page
from bot.desk.parts import parts_of
from bot.desk.render import render
from bot.desk.views.forms import as_json, field, see_other
from bot.desk.views.loading import CID, fragment, load, require_held, state_of, transcript
from bot.desk.words import word

logger = logging.getLogger(__name__)

_KEY = re.compile(r"[A-Za-z0-9._-]{8,60}")
_PLACE = ("consignee", "phone", "province", "city", "district", "street")
_LONGEST_PLACE = 100
_PHONE = re.compile(r"1[3-9]\d{9}|0\d{2,3}-?\d{7,8}")


class CustomerPages:
    """What the shop knows of the shopper, and what an agent does there for her."""

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get(f"{CID}/customer", self.side),
            web.post(f"{CID}/reveal", self.reveal),
            web.post(f"{CID}/order", self.order),
        ]

    @needs(Role.AGENT, audit="view_customer")
    async def side(self, request: web.Request) -> web.StreamResponse:
        """Return the side panel and the suggested replies; asks the shop."""
        parts, me = parts_of(request), agent_of(request)
        conversation = await load(request)
        found = await (await assist_of(request)).help(conversation, me.name)
        context = {
            "help": found,
            "state": await state_of(request, conversation),
            "chart": found.reading.chart(),
            "now": parts.clock(),
            "agents": await parts.reader.names(),
        }
        return render("side.html", request, context)

    @needs(Role.AGENT, audit="reveal", write=True)
    async def reveal(self, request: web.Request) -> web.StreamResponse:
        """Open one thing that is masked: ``what`` is its kind, and its number after a colon."""
        what, _, which = (await field(request, "what", longest=80)).partition(":")
        conversation = await load(request)
        add_to_audit(request, what=what, which=which)
        if what == "message":
            seq = int(which) if which.isascii() and which.isdigit() and len(which) < 10 else 0
            shown = transcript(request, conversation, after=seq - 1, before=seq + 1, revealed=seq)
            if not shown:
                raise web.HTTPNotFound
            context = {"bubbles": shown, "state": await state_of(request, conversation)}
            return web.Response(text=fragment(request, "messages.html", context), content_type="text/html")
        return web.Response(
            text=html.escape(await self._opened(request, conversation, what, which)), content_type="text/html"
        )

    async def _opened(
        self, request: web.Request, conversation: DeskConversation, what: str, which: str
    ) -> str:
        if what == "contact":
            asked = next((one for one in conversation.requests if str(one.request_id) == which), None)
            if asked is None or not asked.contact:
                raise web.HTTPNotFound
            return asked.contact
        case = await (await assist_of(request)).case(conversation)
        if what in {"name", "phone"} and not which and case.customer is not None:
            return case.customer.name if what == "name" else case.customer.phone
        order = next((one for one in case.orders if one.order_number == which), None)
        if order is None or what not in {"consignee", "phone", "address"}:
            raise web.HTTPNotFound
        place = order.address
        whole = "".join(dict.fromkeys((place.province, place.city, place.district, place.street)))
        return {"consignee": place.consignee, "phone": place.phone, "address": whole}[what]

    @needs(Role.AGENT, audit="order_action", write=True)
    async def order(self, request: web.Request) -> web.StreamResponse:
        """Do something with an order for the shopper; the agent tells her, nobody else does.

        The form's key makes a repeat the same write. What was done is noted for colleagues.
        """
        parts, me = parts_of(request), agent_of(request)
        conversation = await load(request)
        require_held(conversation, me)
        key, act = await field(request, "key", longest=60), await field(request, "act", longest=20)
        number = await field(request, "order", longest=64)
        if not _KEY.fullmatch(key):
            raise web.HTTPBadRequest
        case = await (await assist_of(request)).case(conversation)
        order = next((one for one in case.orders if one.order_number == number), None)
        if order is None:
            raise DeskRefusal(404, word("doing", "no_order"))
        try:
            told = await _done_by_the_shop(self._write(request, conversation, order, act, key))
        finally:
            (await assist_of(request)).forget(conversation.conversation_id)
        add_to_audit(request, act=act, order=number)
        name = label("act", act)
        text = word("doing", "order_note", act=name, number=number, more=told)
        await parts.handover.note(
            conversation.conversation_id, me.agent_id, key=f"order-{key}"[:60], text=text
        )
        if wants_page(request):
            return see_other(f"/desk/c/{conversation.conversation_id}")
        return as_json({"told": word("doing", "order_done", act=name)})

    async def _write(
        self, request: web.Request, conversation: DeskConversation, order: Order, act: str, key: str
    ) -> str:
        """Do it; return what to add to the note."""
        shop, number = parts_of(request).shop, order.order_number
        whole = f"desk/{conversation.conversation_id}/{key}"
        proof: dict[str, Any] = {"customer_id": authority(conversation, number), "key": whole}
        if act == "cancel_order":
            await shop.cancel_order(number, **proof)
            return ""
        if act == "urge":
            await shop.urge(number, **proof)
            return ""
        if act == "change_address":
            await shop.change_address(number, await _address(request, order), **proof)
            return ""
        if act == "after_sale":
            kind, reason = await field(request, "kind"), await field(request, "reason")
            if kind not in AfterSaleKind._value2member_map_:
                raise DeskRefusal(422, word("doing", "no_kind"))
            done = await shop.request_after_sale(number, AfterSaleKind(kind), reason, **proof)
            asked = shop_label("aftersale_kind", kind), shop_label("reason", reason)
            return word(
                "doing", "after_sale_note", kind=asked[0], reason=asked[1], number=done.request.request_number
            )
        raise web.HTTPBadRequest


async def _address(request: web.Request, order: Order) -> Address:
    """Return the address of the form; what was left empty stays as it is."""
    old = order.address
    given = {name: (await field(request, name, longest=_LONGEST_PLACE)).strip() for name in _PLACE}
    if given["phone"] and not _PHONE.fullmatch(given["phone"]):
        raise DeskRefusal(422, word("doing", "bad_phone"))
    moved = any(given[name] for name in _PLACE[2:])
    if moved and not all(given[name] for name in ("province", "city", "street")):
        raise DeskRefusal(422, word("doing", "bad_address"))
    if not any(given.values()):
        raise DeskRefusal(422, word("doing", "same_address"))
    return Address(
        address_id="",
        consignee=given["consignee"] or old.consignee,
        phone=given["phone"] or old.phone,
        province=given["province"] if moved else old.province,
        city=given["city"] if moved else old.city,
        district=given["district"] if moved else old.district,
        street=given["street"] if moved else old.street,
    )


async def _done_by_the_shop(work: Awaitable[str]) -> str:
    """Await a write of the shop; its refusals become sentences for the agent."""
    try:
        return await work
    except RuleError as exc:
        raise DeskRefusal(
            409, word("doing", "shop_says_no", why=shop_label("return_rule", exc.rule))
        ) from exc
    except NotFoundError as exc:
        raise DeskRefusal(404, word("doing", "no_order")) from exc
    except KeyReusedError as exc:
        raise DeskRefusal(409, word("errors", "key_reused")) from exc
    except ShopUnavailableError as exc:
        logger.warning("the shop did not answer a write of the desk: %r", exc)
        raise DeskRefusal(503, word("doing", "shop_away")) from exc
