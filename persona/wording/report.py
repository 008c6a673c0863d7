"""One self-contained HTML page with every response in five styles side by side, for writers and managers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from html import escape

from persona.strategy import Style
from persona.wording.catalogue import Catalogue, ResponseSpec
from persona.wording.check import Sample, Violation, samples
from persona.wording.engine import build_buttons
from persona.wording.errors import WordingError

_CSS = """
body{font:15px/1.6 system-ui,"PingFang SC","Microsoft YaHei",sans-serif;margin:2rem;
  color:#1d2630;background:#f6f7f9}
h1{font-size:1.4rem}
h2{font-size:1.1rem;margin-top:2.5rem}
table{border-collapse:collapse;width:100%;table-layout:fixed;background:#fff}
th,td{border:1px solid #dde3ea;padding:.6rem;vertical-align:top;text-align:left;overflow-wrap:anywhere}
th{background:#eef1f5;position:sticky;top:0}
th:first-child,td:first-child{width:13%}
p{margin:0 0 .5rem;white-space:pre-line}
mark{background:#e3eefc;color:inherit;border-radius:3px;padding:0 2px}
.meta{color:#586472;font-size:.8rem}
.bad{color:#a3141f;font-size:.85rem;margin:.3rem 0 0;padding-left:1.1rem}
.button{display:inline-block;border:1px solid #1f5fbf;color:#1f5fbf;border-radius:1rem;
  padding:0 .6rem;margin:0 .3rem .3rem 0;font-size:.85rem}
"""


def report_html(catalogue: Catalogue, violations: Sequence[Violation] = ()) -> str:
    """Return the page: one table per topic, facts marked, violations in red."""
    by_cell: dict[tuple[str, str], list[str]] = defaultdict(list)
    for v in violations:
        by_cell[v.response, v.style].append(f"{v.rule}：{v.message}")
    topics: dict[str, list[ResponseSpec]] = defaultdict(list)
    for spec in catalogue.responses.values():
        topics[spec.file.removesuffix(".yml")].append(spec)
    head = "".join(f"<th>{escape(catalogue.strategies.of(s).name)}</th>" for s in Style)
    parts = [
        "<!doctype html><html lang='zh-CN'><meta charset='utf-8'><title>五种口吻对照</title>",
        f"<style>{_CSS}</style><h1>五种口吻对照</h1>",
        f"<p class='meta'>{len(catalogue.responses)} 条回复，{len(violations)} 处待改。",
        "标色的是事实，其余是文案。</p>",
    ]
    lost = [v for v in violations if v.response not in catalogue.responses]
    if lost:
        parts.append("<ul class='bad'>" + "".join(f"<li>{escape(str(v))}</li>" for v in lost) + "</ul>")
    for topic, specs in sorted(topics.items()):
        parts.append(f"<h2>{escape(topic)}</h2><table><tr><th>回复</th>{head}</tr>")
        parts += [_row(catalogue, spec, by_cell) for spec in specs]
        parts.append("</table>")
    return "\n".join(parts) + "</html>\n"


def _row(catalogue: Catalogue, spec: ResponseSpec, by_cell: Mapping[tuple[str, str], list[str]]) -> str:
    tone = "<br>坏消息，不带表情" if spec.sober else ""
    cells = [f"<td>{escape(spec.name)}<div class='meta'>{escape(', '.join(spec.facts))}{tone}</div></td>"]
    for style in Style:
        body = _cell(catalogue, spec, style)
        bad = "".join(f"<li>{escape(m)}</li>" for m in by_cell.get((spec.name, style.value), ()))
        cells.append(f"<td>{body}{f'<ul class=bad>{bad}</ul>' if bad else ''}</td>")
    return f"<tr>{''.join(cells)}</tr>"


def _cell(catalogue: Catalogue, spec: ResponseSpec, style: Style) -> str:
    rendered = [s for s in samples(catalogue, spec, style) if s.case == "all facts"]
    try:
        buttons = build_buttons(catalogue, spec, spec.options, catalogue.strategies.of(style))
    except WordingError as exc:
        return f"<p class='bad'>{escape(str(exc))}</p>"
    texts = "".join(f"<p>{_marked(s)}</p><div class='meta'>{s.chars} 字</div>" for s in rendered)
    return texts + "".join(f"<span class='button'>{escape(b.title)}</span>" for b in buttons)


def _marked(sample: Sample) -> str:
    shown = (f"<mark>{escape(s.text)}</mark>" if s.fact else escape(s.text) for s in sample.segments)
    return "".join(shown) or "—"
