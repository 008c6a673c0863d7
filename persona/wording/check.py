"""Tell a writer what is wrong with the texts: every response, every style, from sample facts.

``python -m persona.wording.check [topic …]`` prints one line per violation.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from fnmatch import fnmatchcase
from itertools import pairwise
from pathlib import Path
from typing import Any

from persona.strategy import Strategy, Style
from persona.wording.catalogue import Catalogue, ResponseSpec, load_catalogue
from persona.wording.clauses import Clauses
from persona.wording.emoji import find_emoji, without_emoji
from persona.wording.engine import ROOT, fact_values, render_texts, tidy
from persona.wording.facts import FactSpec
from persona.wording.filters import CIRCLED, forms
from persona.wording.rendering import RenderError, Segment

#: From this share of equal characters on, two styles count as one text with a word exchanged.
TOO_ALIKE = 0.9
_LATIN = re.compile(r"[A-Za-z][A-Za-z-]*")
_CODE = re.compile(r"[a-z]+(?:_[a-z]+)+")
_CASE = re.compile(r" \((?:all facts|without may facts|\w+: (?:true|false))\)")
_LEFTOVER = re.compile(
    r"[，、；：][，。、；：！？]|。[。，、；！]|[（(][）)]|^[，。、；：！？）]", re.MULTILINE
)
#: 89 元 退回: the amount brings its own space before 元, and Chinese goes on without one.
_GAP_AFTER_MONEY = re.compile(r"\d 元[ \t]+(?=[\u4e00-\u9fff])")
#: A heading such as 电话： that begins where a fact ends.
_HEADING = re.compile(r"[\u4e00-\u9fff]{2,4}：")


@dataclass(frozen=True)
class Violation:
    """One thing that a writer has to mend.

    Attributes:
        file: the file it stands in.
        response: its name, or "".
        style: the style concerned, or "".
        rule: short name of the rule.
        message: what is wrong and what is expected.
    """

    file: str
    response: str
    style: str
    rule: str
    message: str

    def __str__(self) -> str:
        style = f" [{self.style}]" if self.style else ""
        return f"{self.file} {self.response}{style} {self.rule}: {self.message}"


@dataclass(frozen=True)
class Sample:
    """One text rendered from sample facts."""

    style: Style
    case: str
    values: Mapping[str, Any]
    segments: tuple[Segment, ...]
    error: str = ""

    @property
    def text(self) -> str:
        """The whole text as rendered."""
        return "".join(s.text for s in self.segments)

    @property
    def prose(self) -> str:
        """What the writer wrote, without facts."""
        return "".join(s.text for s in self.segments if not s.fact)

    @property
    def chars(self) -> int:
        """Characters beside the facts, white space not counted."""
        return len(re.sub(r"\s", "", self.prose))


def check(catalogue: Catalogue, topics: frozenset[str] | None = None) -> list[Violation]:
    """Return all violations, or those of some topics (stems of the domain files)."""

    def wanted(file: str) -> bool:
        return topics is None or Path(file).stem in topics

    found = [
        Violation(p.file, p.response, "", "unusable", p.message) for p in catalogue.problems if wanted(p.file)
    ]
    for spec in catalogue.responses.values():
        if wanted(spec.file):
            found += _Checker(catalogue, spec).run()
    if topics is None:
        found += _check_shared(catalogue)
    return found


def _check_shared(catalogue: Catalogue) -> Iterator[Violation]:
    """Yield what is wrong with what all topics share: next steps, extras, openings of what is repeated."""
    yield from _check_repeats(catalogue)
    longest = catalogue.strategies.common.title_chars
    for option in catalogue.options.values():
        if option.static_title and len(option.static_title) > longest:
            message = f"title «{option.static_title}» has more than {longest} characters"
            yield Violation("options.yml", option.id, "", "title", message)
    for style, strategy in catalogue.strategies.styles.items():
        for name in strategy.options.first:
            if name not in catalogue.options:
                message = f"options: first: options.yml has no {name}"
                yield Violation(f"{style.value}.yml", "", "", "option", message)
    told = {extra for strategy in catalogue.strategies.styles.values() for extra in strategy.extras}
    for spec in catalogue.responses.values():
        for fact in spec.facts.values():
            if fact.extra and fact.extra not in told:
                message = f"fact {fact.name}: no strategy tells the extra {fact.extra}"
                yield Violation(f"facts/{spec.file}", spec.name, "", "extra", message)


def _check_repeats(catalogue: Catalogue) -> Iterator[Violation]:
    common = catalogue.strategies.common
    for strategy in catalogue.strategies.styles.values():
        for opening in strategy.again:
            for word in (*common.forbidden, *strategy.forbidden):
                if word in opening:
                    file = f"strategies/{strategy.style.value}.yml"
                    yield Violation(file, "", strategy.style.value, "forbidden", f"again: says {word}")
    for pattern in common.may_repeat:
        if not any(fnmatchcase(name, pattern) for name in catalogue.responses):
            message = f"may_repeat: no response is {pattern}"
            yield Violation("strategies/common.yml", "", "", "unused", message)


def samples(catalogue: Catalogue, spec: ResponseSpec, style: Style) -> Iterator[Sample]:
    """Render every text of one style in every case; what cannot be rendered has an `error`."""
    strategy = catalogue.strategies.of(style)
    for case, facts in _cases(spec):
        values = fact_values(spec, facts, strategy)
        for template in spec.texts.get(style, ()):
            try:
                yield Sample(style, case, values, catalogue.sandbox.render(template, values))
            except RenderError as exc:
                yield Sample(style, case, values, (), str(exc))


def _cases(spec: ResponseSpec) -> Iterator[tuple[str, dict[str, Any]]]:
    everything = {f.name: f.sample for f in spec.facts.values()}
    yield "all facts", everything
    if any(not f.must for f in spec.facts.values()):
        yield "without may facts", {f.name: f.sample for f in spec.facts.values() if f.must}
    for fact in spec.facts.values():
        if fact.type == "flag":
            yield f"{fact.name}: {str(not fact.sample).lower()}", {**everything, fact.name: not fact.sample}


def check_said(  # noqa: PLR0917  what was said, and how
    catalogue: Catalogue,
    response: str,
    facts: Mapping[str, Any],
    spoken: Strategy,
    text: str,
    upset: bool = False,
) -> list[Violation]:
    """Return what is wrong with a text as it was said, from real facts.

    Its length is not looked at: it depends on how many rows there are to tell.

    Args:
        catalogue: the words.
        response: its name.
        facts: what it was made of.
        spoken: the strategy whose text it is: of an upset shopper that of `when_upset`.
        text: what she reads, maybe behind an opening that says that it is the same as before.
        upset: no emoji was shown, for no other reason than her mood.
    """
    spec = catalogue.responses[response]
    checker = _Checker(catalogue, spec)
    for segments in render_texts(catalogue, spec, facts, spoken):
        plain = spec.sober or upset
        shown = tuple(Segment(without_emoji(s.text), s.fact) for s in segments) if plain else segments
        if text.endswith(tidy("".join(s.text for s in shown))):
            sample = Sample(spoken.style, "as said", fact_values(spec, facts, spoken), shown)
            checker.check_sample(sample, spoken, upset=upset)
            return [violation for violation in checker.found if violation.rule != "limit"]
    return [Violation(spec.file, response, spoken.style.value, "foreign", f"none of its texts is «{text}»")]


class _Checker:
    """All rules for one response."""

    def __init__(self, catalogue: Catalogue, spec: ResponseSpec) -> None:
        self._catalogue = catalogue
        self._spec = spec
        self._found: dict[tuple[str, str, str], Violation] = {}

    def run(self) -> list[Violation]:
        first: dict[Style, list[Sample]] = {}
        for style in Style:
            if style not in self._spec.texts:
                self._add(style, "missing", "has no variation for this style")
                continue
            rendered = list(samples(self._catalogue, self._spec, style))
            for sample in rendered:
                self.check_sample(sample, self._catalogue.strategies.of(style))
            first[style] = [s for s in rendered if s.case == "all facts" and not s.error]
        self._check_variety(first)
        return self.found

    @property
    def found(self) -> list[Violation]:
        """What was found so far."""
        return list(self._found.values())

    def _add(self, style: Style, rule: str, message: str) -> None:
        key = (style.value, rule, _CASE.sub("", message.split("«", 1)[0]))  # once, not once per case
        self._found.setdefault(key, Violation(self._spec.file, self._spec.name, style.value, rule, message))

    def check_sample(self, sample: Sample, strategy: Strategy, *, upset: bool = False) -> None:
        """Look at one text; an upset shopper is shown no emoji."""
        style, text, case = sample.style, sample.text, f" ({sample.case})"
        if sample.error:
            self._add(style, "render", f"{sample.error}{case}")
            return
        if not text.strip():
            self._add(style, "empty", f"says nothing{case}")
            return
        if sample.chars > strategy.chars:
            over = f"{sample.chars} characters beside the facts, at most {strategy.chars}{case}"
            self._add(style, "limit", f"{over}: «{text}»")
        if re.search(r"\n\s*\n", text):
            self._add(style, "blank line", f"would split the message in two{case}")
        if leftover := _LEFTOVER.search(text):
            self._add(style, "punctuation", f"«{leftover.group()}» is left over{case}: «{text}»")
        if gap := _GAP_AFTER_MONEY.search(text):
            self._add(style, "money", f"has a gap after «{gap.group().strip()}»{case}: «{text}»")
        if run := _run_together(sample.segments):
            self._add(style, "lines", f"runs into «{run}» without a new line or a sign{case}: «{text}»")
        self._check_words(sample, strategy)
        self._check_emoji(sample, strategy, upset)
        for fact in self._spec.facts.values():
            if fact.must and (fact.where is None or sample.values.get(fact.where)):
                for missing in _untold(fact, sample, self._catalogue.labels):
                    self._add(style, "must", f"does not tell {missing}{case}: «{text}»")
        for told, pattern in self._spec.tells.items():
            if not pattern.search(text):
                self._add(style, "must", f"does not tell {told} (expects {pattern.pattern}){case}: «{text}»")

    def _check_words(self, sample: Sample, strategy: Strategy) -> None:
        common = self._catalogue.strategies.common
        for word, instead in common.forbidden.items():
            if word in sample.prose:
                self._add(sample.style, "forbidden", f"says {word} ({instead})")
        for word in strategy.forbidden:
            if word in sample.prose:
                self._add(sample.style, "forbidden", f"says {word}, which spoils this style")
        for word in _LATIN.findall(sample.prose):
            if word not in common.latin:
                self._add(sample.style, "English", f"says {word}")
        for sign in ("{{", "}}", "{%", "%}"):
            if sign in sample.prose:
                self._add(sample.style, "English", f"shows {sign}")
        codes = {code for group in self._catalogue.labels.values() for code in group}
        for segment in sample.segments:
            if segment.fact and (segment.text in codes or _CODE.fullmatch(segment.text)):
                self._add(sample.style, "English", f'shows the code {segment.text}: use | label("group")')

    def _check_emoji(self, sample: Sample, strategy: Strategy, upset: bool) -> None:
        used, rule = find_emoji(sample.prose), strategy.emoji
        if self._spec.sober or upset:
            if used:
                self._add(sample.style, "emoji", f"shows {''.join(used)} with tone: sober")
            return
        if not rule.min <= len(used) <= rule.max:
            expected = f"{rule.min} to {rule.max}" if rule.max else "none"
            self._add(sample.style, "emoji", f"has {len(used)} emoji, {expected} expected: «{sample.text}»")
        odd = [e for e in used if e.rstrip("\ufe0f") not in {a.rstrip("\ufe0f") for a in rule.allowed}]
        if rule.max and odd:
            self._add(
                sample.style, "emoji", f"{''.join(odd)} is not among those of {strategy.style.value}.yml"
            )

    def _check_variety(self, first: Mapping[Style, list[Sample]]) -> None:
        order = [style for style in Style if style in first]
        for position, style in enumerate(order):
            for other in order[:position]:
                for mine in first[style]:
                    for theirs in first[other]:
                        if said := _same(_own_words(mine), _own_words(theirs)):
                            self._add(style, "variety", f"{said} {other.value}: «{mine.text}»")


def _run_together(segments: tuple[Segment, ...]) -> str:
    """Return what a listed fact runs into, or "".

    A line break after a block's end is lost (``trim_blocks``); one that is printed stays.
    """
    for position, (before, after) in enumerate(pairwise(segments)):
        line = "".join(s.text for s in segments[:position]).rpartition("\n")[2]
        if not before.fact or "：" not in line:
            continue
        if after.fact and before.text[-1:] not in CIRCLED:
            return after.text
        heading = _HEADING.match(after.text)
        if heading and not after.fact:
            return heading.group()
    return ""


def _own_words(sample: Sample) -> Sample:
    """Return a sample without the statements of the shop's rules, which all styles tell alike."""
    told = {str(value) for value in sample.values.values() if isinstance(value, Clauses)}
    if not told:
        return sample
    return replace(sample, segments=tuple(s for s in sample.segments if s.text not in told))


def _same(mine: Sample, theirs: Sample) -> str:
    """Say how a text repeats that of another style, or ""."""
    one, other = _bare(mine.text), _bare(theirs.text)
    if one == other and one:
        return "is the same text as"
    if theirs.style is Style.NEUTRAL:
        if len(other) >= 6 and other in one:
            return "only adds words around"
        sentences = [_bare(s) for s in re.split(r"[。！？；\n]", theirs.text)]
        long = [s for s in sentences if len(s) >= 5]
        if len(long) >= 2 and all(s in one for s in long):
            return "repeats every sentence of"
    one, other = _bare(mine.prose), _bare(theirs.prose)
    if min(len(one), len(other)) >= 12 and SequenceMatcher(None, one, other).ratio() >= TOO_ALIKE:
        return "hardly differs from"
    return ""


def _bare(text: str) -> str:
    return re.sub(r"[\W_]+", "", without_emoji(text))


def _untold(fact: FactSpec, sample: Sample, labels: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """Yield what of a must fact the text does not show."""
    value, text = sample.values[fact.name], sample.text
    if fact.type == "flag":
        pattern = fact.shows if value else fact.shows_false
        if pattern and not re.search(pattern, text):
            yield f"{fact.name} = {str(value).lower()} (expects {pattern})"
    elif fact.shows:
        if not re.search(fact.shows, text):
            yield f"{fact.name} (expects {fact.shows})"
    elif fact.type == "clauses":
        for row in value:
            if row["text"] not in text:
                yield f"«{row['text']}» of {fact.name}"
    elif fact.type in ("list", "rows"):
        column = fact.key_column()
        for item in value:
            shown = item.get(column) if fact.type == "rows" else item
            if shown is not None and not _shows(text, forms(shown, labels)):
                yield f"«{shown}» of {fact.name}"
    elif not _shows(text, forms(value, labels)):
        yield f"{fact.name} in any form (sample {fact.sample!r})"


def _shows(text: str, ways: set[str]) -> bool:
    for way in ways:
        # 3 is not told by 13, nor 89 by 1890.
        before = r"(?<![\d.])" if way[:1].isdigit() else ""
        after = r"(?!\d|\.\d)" if way[-1:].isdigit() else ""
        if re.search(before + re.escape(way) + after, text):
            return True
    return False


def main(arguments: list[str]) -> int:
    """Print the violations of the project's words; the exit code is 1 where there are any."""
    found = check(load_catalogue(ROOT), frozenset(arguments) or None)
    for violation in found:
        print(violation)
    print(f"{len(found)} to mend" if found else "all fine")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
