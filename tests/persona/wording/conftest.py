"""A little catalogue of its own under a temporary root."""

import shutil
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from persona.strategy.loader import FOLDER

DOMAIN = """
version: "3.1"
responses:
  utter_shipped:
    - text: |
        您的订单{{ state | label("order_state") }}，预计 {{ expected_by | moment }} 前送到
        {%- if place %}，现在在{{ place }}{% endif %}。
    - condition: [{type: slot, name: temperament, value: power}]
      text: |
        {{ expected_by | moment }} 前到。{{ state | label("order_state") }}。
    - condition: [{type: slot, name: temperament, value: lively}]
      text: |
        包裹{{ state | label("order_state") }}🚚 {{ expected_by | moment }} 前见！
    - condition: [{type: slot, name: temperament, value: lively}]
      text: |
        出发啦🎉 {{ state | label("order_state") }}，{{ expected_by | moment }} 前送到您手上。
  utter_apology:
    - text: |
        抱歉，没有办成。
"""
FACTS = """
utter_shipped:
  must:
    state: {type: text, sample: shipped}
    expected_by: {type: datetime, sample: "2026-11-24T18:00:00+08:00"}
  may:
    place: {type: text, sample: 杭州分拨中心}
"""
OPTIONS = """
track_shipment: {title: 查物流, intent: track_shipment, args: [order_number]}
urge_shipment: {title: 催一下, intent: urge_shipment, args: [order_number]}
ask_human: {title: 找人工客服, intent: ask_human}
cancel_wait: {title: 不等了, payload: "front:cancel_wait", kind: choice}
affirm: {title: 确认, intent: affirm, kind: choice}
deny: {title: 不了, intent: deny, kind: choice}
choose_order:
  title: "{{ product | short(6) }}（{{ state | label('order_state') }}）"
  intent: "{{ intent }}"
  args: [order_number]
  kind: choice
"""
LABELS = """
order_state: {shipped: 已发货, paid: 待发货}
"""


class Room:
    """The files of a catalogue that a test edits."""

    def __init__(self, root: Path) -> None:
        self.root = root
        shutil.copytree(FOLDER, root / "persona/strategy/strategies")
        self.restore()

    def restore(self) -> None:
        """Write the shared files as they were."""
        self.domain = self.write("bot/domain/order.yml", DOMAIN)
        self.facts = self.write("persona/wording/facts/order.yml", FACTS)
        self.options = self.write("persona/wording/options.yml", OPTIONS)
        self.labels = self.write("persona/wording/labels.yml", LABELS)

    def write(self, path: str, text: str) -> Path:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(textwrap.dedent(text), encoding="utf-8")
        return target

    def response(self, name: str, facts: str = "", **texts: str) -> None:
        """Add a response with one text per style in files of its own."""
        lines = [f'version: "3.1"\nresponses:\n  {name}:']
        for style, text in texts.items():
            condition = f"      condition: [{{type: slot, name: temperament, value: {style}}}]\n"
            body = textwrap.indent(text, "        ")
            lines.append(f"    - text: |\n{body}\n{'' if style == 'neutral' else condition}")
        self.write(f"bot/domain/{name}.yml", "\n".join(lines))
        if facts:
            self.write(
                f"persona/wording/facts/{name}.yml",
                f"{name}:\n" + textwrap.indent(textwrap.dedent(facts), "  "),
            )


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


@pytest.fixture
def edit() -> Callable[[Path, str, str], None]:
    def change(path: Path, old: str, new: str) -> None:
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")

    return change
