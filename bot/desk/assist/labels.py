"""Chinese names of the desk's codes, and the small texts that the helpers are worded with."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Template

from actions.shop.models import AfterSale, AfterSaleKind
from persona.wording.engine import tidy
from persona.wording.rendering import RenderError, Sandbox

_HERE = Path(__file__).parent
_DESK = _HERE.parent / "labels.yml"
_SHOP = _HERE.parents[2] / "persona" / "wording" / "labels.yml"


@cache
def _labels() -> tuple[Mapping[str, Mapping[str, str]], Mapping[str, Mapping[str, str]]]:
    desk, shop = (yaml.safe_load(path.read_text(encoding="utf-8")) for path in (_DESK, _SHOP))
    return desk, shop


def group(name: str) -> Mapping[str, str]:
    """Return a group of ``bot/desk/labels.yml``, code -> Chinese; KeyError where there is none."""
    return _labels()[0][name]


def label(name: str, code: str | Enum) -> str:
    """Return the Chinese name of a code of the desk; the code itself where it has none."""
    plain = str(code.value if isinstance(code, Enum) else code)
    return group(name).get(plain, plain)


def shop_label(name: str, code: str | Enum) -> str:
    """Return the Chinese name of a code of the shop (``persona/wording/labels.yml``)."""
    plain = str(code.value if isinstance(code, Enum) else code)
    return _labels()[1][name].get(plain, plain)


def request_state(request: AfterSale) -> str:
    """Return kind and state of an after-sales request, e.g. 换货待寄回; a mere refund sends nothing back."""
    kind = shop_label("aftersale_kind", request.kind)
    known = group("refund_state") if request.kind is AfterSaleKind.REFUND else {}
    return kind + known.get(request.state.value, shop_label("aftersale_state", request.state))


@cache
def _sandbox() -> Sandbox:
    desk, shop = _labels()
    return Sandbox({**{f"desk_{name}": codes for name, codes in desk.items()}, **shop})


@cache
def data(file: str) -> Any:
    """Return the content of a YAML file of this folder; read once."""
    return yaml.safe_load((_HERE / file).read_text(encoding="utf-8"))


@cache
def _template(source: str) -> Template:
    return _sandbox().compile(source)


def render(source: str, values: Mapping[str, Any]) -> str | None:
    """Return a text of the helpers with its values; None where one that it needs is not known.

    The filters of :mod:`persona.wording.filters` are at hand; codes of the desk are groups ``desk_…``.
    """
    try:
        return tidy("".join(s.text for s in Sandbox.render(_template(source), values)))
    except RenderError:
        return None
