"""The tables of the shop's own rules. They hold nothing personal but the logins of who changed them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, ForeignKey, Integer, String

from actions.shop.columns import Moment
from actions.shop.tables import Base


class PolicyRow(Base):
    """A policy as it holds now."""

    __tablename__ = "policies"
    topic: str = Column(String(40), primary_key=True)
    title: str = Column(String(32), nullable=False)
    clauses: list[dict[str, Any]] = Column(JSON, nullable=False)
    version: int = Column(Integer, nullable=False)
    changed_at: datetime | None = Column(Moment)  # type: ignore[misc]
    changed_by: str | None = Column(String(64))  # type: ignore[misc]


class PolicyVersionRow(Base):
    """A policy as it was before a change."""

    __tablename__ = "policy_versions"
    topic: str = Column(String(40), ForeignKey("policies.topic"), primary_key=True)
    version: int = Column(Integer, primary_key=True)
    title: str = Column(String(32), nullable=False)
    clauses: list[dict[str, Any]] = Column(JSON, nullable=False)
    changed_at: datetime | None = Column(Moment)  # type: ignore[misc]
    changed_by: str | None = Column(String(64))  # type: ignore[misc]
