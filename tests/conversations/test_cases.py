"""Every case in every style: the same responses, facts and outcome, each style in words of its own."""

from __future__ import annotations

import pytest

from persona.wording.engine import Wording
from tests.conversations.cases import Case, all_cases
from tests.conversations.judging import Judge
from tests.conversations.playing import STYLES, Theatre

pytestmark = pytest.mark.stack


@pytest.fixture(scope="session")
def judge() -> Judge:
    """Return the judge with the project's words."""
    return Judge(Wording.load())


@pytest.mark.parametrize("case", all_cases(), ids=lambda case: case.title)
def test_a_case_ends_alike_in_every_style(theatre: Theatre, judge: Judge, case: Case) -> None:
    runs = [theatre.play(case, label) for label in STYLES]
    found = judge.findings(case, runs, theatre.shop.names(case.who))
    assert not found, "\n".join([case.title, *found])
