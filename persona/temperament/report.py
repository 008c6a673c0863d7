"""Writes an evaluation as one self-contained HTML page with inline SVG, and as text for the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

import yaml

from persona.temperament.corpus import LABELS
from persona.temperament.metrics import Score
from persona.temperament.reader import DATA_ROOT

if TYPE_CHECKING:
    from persona.temperament.evaluate import Report

_SIZE, _EDGE = 300, 40


def text_table(report: Report) -> str:
    """Return the figures as lines for the terminal."""
    lines = [f"{report.data}: {report.sessions} conversations", ""]
    for name, s in report.stages.items():
        lines.append(_line(f"after {'turn ' + name if name != 'end' else 'the end'}", s))
    lines += ["", *(f"{name:28s} {value:.3f}" for name, value in report.figures.items()), ""]
    lines += [_line(name, s) for name, s in report.others.items()]
    if report.moods:
        lines += ["", *(_mood_line(name, *found) for name, found in report.moods.items())]
    width = max(len(label) for label in LABELS) + 2
    lines += ["", "confusion at the end (rows: truth)"]
    lines.append(" " * width + "".join(f"{x:>{width}}" for x in LABELS))
    for label, row in zip(LABELS, report.stages["end"].confusion, strict=True):
        lines.append(f"{label:{width}}" + "".join(f"{n:>{width}}" for n in row))
    return "\n".join(lines)


def _mood_line(name: str, precision: float, recall: float, true: int) -> str:
    return f"mood {name:23s} precision {precision:.3f}  recall {recall:.3f}  ({true} conversations)"


def _line(name: str, s: Score) -> str:
    low, high = s.interval
    return f"{name:28s} accuracy {s.accuracy:.3f}  macro-F1 {s.macro_f1:.3f} [{low:.3f}, {high:.3f}]"


def write_html(report: Report, path: Path, root: Path = DATA_ROOT) -> None:
    """Write the page: words of ``report.yml`` under `root` in the frame ``report.html``."""
    say: dict[str, Any] = yaml.safe_load((root / "temperament" / "report.yml").read_text("utf-8"))
    frame = Template(Path(__file__).with_name("report.html").read_text("utf-8"))
    col, labels = say["columns"], say["labels"]
    page = frame.substitute(
        data=escape(report.data),
        sessions=report.sessions,
        figures=_table([], [[say["figures"][k], f"{v:.3f}"] for k, v in report.figures.items()]),
        stages=_scores(col, col["stage"], ((say["stages"][k], s) for k, s in report.stages.items())),
        confusions="".join(_confusion(say["stages"][k], s, labels) for k, s in report.stages.items()),
        plots=_risk(report, say["plots"]) + _reliability(report, say["plots"]),
        others=_scores(col, col["who"], ((say["others"].get(k, k), s) for k, s in report.others.items())),
        moods=_table(
            [col["mood"], col["precision"], col["recall"], col["count"]],
            [
                [say["moods"][name], f"{p:.3f}", f"{r:.3f}", str(n)]
                for name, (p, r, n) in report.moods.items()
            ],
        )
        if report.moods
        else escape(say["no_moods"]),
        errors=_table(
            [col["id"], col["truth"], col["served"], col["chances"], col["words"]],
            [
                [
                    str(e["id"]),
                    labels[e["label"]],
                    labels[e["served"]],
                    " ".join(f"{labels[k]} {p:.2f}" for k, p in e["probabilities"].items()),
                    " / ".join(e["words"]),
                ]
                for e in report.errors
            ],
        ),
    )
    path.write_text(page, "utf-8", errors="replace")


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    top = "<tr>" + "".join(f"<th>{escape(h)}</th>" for h in head) + "</tr>" if head else ""
    body = "".join("<tr>" + "".join(f"<td>{escape(c)}</td>" for c in row) + "</tr>" for row in rows)
    return f"<table>{top}{body}</table>"


def _scores(col: dict[str, str], first: str, scores: Iterable[tuple[str, Score]]) -> str:
    rows = [
        [n, f"{s.accuracy:.3f}", f"{s.macro_f1:.3f}", f"[{s.interval[0]:.3f}, {s.interval[1]:.3f}]"]
        for n, s in scores
    ]
    return _table([first, col["accuracy"], col["macro_f1"], col["interval"]], rows)


def _confusion(title: str, s: Score, labels: dict[str, str]) -> str:
    rows = [[labels[LABELS[i]], *map(str, row)] for i, row in enumerate(s.confusion)]
    return _table([title, *(labels[name] for name in LABELS)], rows)


def _frame(title: str, x: str, y: str, inside: str) -> str:
    end, full = _EDGE + _SIZE, _SIZE + 2 * _EDGE
    ticks = "".join(
        f'<text x="{_EDGE + t * _SIZE:.0f}" y="{end + 15}" text-anchor="middle">{t:g}</text>'
        f'<text x="{_EDGE - 5}" y="{end - t * _SIZE + 4:.0f}" text-anchor="end">{t:g}</text>'
        for t in (0, 0.25, 0.5, 0.75, 1)
    )
    return (
        f'<svg width="{full}" height="{full}" font-size="11" role="img" aria-label="{escape(title)}">'
        f'<text x="{full / 2}" y="18" text-anchor="middle" font-size="13">{escape(title)}</text>'
        f'<path d="M{_EDGE} {_EDGE}V{end}H{end}" fill="none" stroke="#333"/>{ticks}'
        f'<text x="{full / 2}" y="{full - 6}" text-anchor="middle">{escape(x)}</text>'
        f'<text x="12" y="{full / 2}" transform="rotate(-90 12 {full / 2})" text-anchor="middle">'
        f"{escape(y)}</text>"
        f"{inside}</svg>"
    )


def _xy(x: float, y: float) -> tuple[float, float]:
    return round(_EDGE + x * _SIZE, 1), round(_EDGE + (1 - y) * _SIZE, 1)


def _risk(report: Report, say: dict[str, str]) -> str:
    points = " ".join(f"{a},{b}" for a, b in (_xy(c, r) for c, r in report.curve))
    line = f'<polyline points="{points}" fill="none" stroke="#1668a8" stroke-width="2"/>'
    return _frame(say["risk"], say["coverage"], say["wrong"], line)


def _reliability(report: Report, say: dict[str, str]) -> str:
    (x0, y0), (x1, y1) = _xy(0, 0), _xy(1, 1)
    dots = "".join(
        f'<circle cx="{a}" cy="{b}" r="5" fill="#1668a8"><title>{n}</title></circle>'
        for (a, b), n in ((_xy(c, r), n) for c, r, n in report.bins)
    )
    diagonal = f'<path d="M{x0} {y0}L{x1} {y1}" stroke="#bbb" stroke-dasharray="4"/>'
    return _frame(say["reliability"], say["confidence"], say["right"], diagonal + dots)
