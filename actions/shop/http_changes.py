"""Writes over HTTP that need no more than their one call: notes, and requests taken back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from actions.shop.errors import NotFoundError, ShopTimeoutError
from actions.shop.http_operations import NoteBody, OwnBody, known_form
from actions.shop.models import AfterSaleResult, ChangeResult


class ChangeMethods(ABC):
    """What :class:`~actions.shop.http.HttpShop` writes with nothing but an order's or a request's number."""

    @abstractmethod
    async def _ask(
        self, name: str, names: Any, query: Any = None, *, body: Any = None, key: Any = None
    ) -> Any:
        """Make the call of an operation."""

    @abstractmethod
    async def _change(self, name: str, order_number: str, body: Any, key: str) -> ChangeResult:
        """Change an order; the answer is about that order."""

    async def note_order(
        self, order_number: str, note: str, *, customer_id: str | None, key: str
    ) -> ChangeResult:
        """See the protocol."""
        return await self._change("note_order", order_number, NoteBody(note, customer_id), key)

    async def withdraw_after_sale(
        self, request_number: str, *, customer_id: str | None, key: str
    ) -> AfterSaleResult:
        """See the protocol."""
        if customer_id is not None and not known_form(customer_id):
            raise NotFoundError("this cannot be a customer")
        names, body = {"request_number": request_number}, OwnBody(customer_id)
        found: AfterSaleResult = await self._ask("withdraw_after_sale", names, body=body, key=key)
        if found.request.request_number != request_number:
            raise ShopTimeoutError(
                "the answer to a write is about another request: what was done is not known"
            )
        return found
