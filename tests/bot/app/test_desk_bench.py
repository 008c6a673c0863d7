"""The desk's bench: its report, and that it keeps to a stack of its own."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from bot.app.bench import command, desk
from bot.app.bench.desk_load import Desk, Job, Samples, Shopper, _Agent, together
from bot.app.output import CommandError


def report(**times: list[float]) -> dict[str, object]:
    samples = Samples(times=times)
    return {
        "times_ms": {name: desk._spread(found) for name, found in together([samples, Samples()]).items()},
        "goals_ms": desk.GOALS,
        "messages": {"sent": 3, "on_screen": 2, "overtaken": 1},
        "live_events": 9,
        "cpu_share": {"front": 0.5, "rasa": None},
        "load_cpu_share": 0.25,
        "pss_mb": {"front": 120.4},
        "faults": ["lost", "lost"],
        "conditions": {"agents": 2, "conversations": 4, "seconds": 8.0, "cores": 2}
        | {"shopper_s": 5.0, "page_s": 2.0, "reply_s": 3.0},
    }


def test_it_asks_for_a_stack_of_its_own() -> None:
    with pytest.raises(CommandError, match="--start"):
        desk.run(json_file=None, start=False, quick=True)


def test_a_message_that_the_next_one_hides_in_its_row_is_not_lost() -> None:
    job = Job("", (), 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1)
    samples = Samples()
    agent = _Agent(job, Desk("a", "p", ()), None, samples, random.Random(1))  # type: ignore[arg-type]
    for at, words in enumerate(("first", "second", "third")):
        agent.told("c_1", words, float(at))
    agent.told("c_2", "other", 0.0)
    assert agent._look_for("<li>second</li>", None) == 2
    assert set(agent.unseen) == {"third", "other"}
    assert (samples.seen, samples.overtaken) == (1, 1)
    agent._look_for("<ol>third</ol>", "c_2")
    assert "third" in agent.unseen, "another conversation's transcript does not count"


def test_a_goal_counts_at_the_95th_percentile() -> None:
    nearly_all_fast = [10.0] * 95 + [900.0] * 5
    text = "\n".join(desk.lines(report(queue=nearly_all_fast, conversation=[10.0] * 94 + [900.0] * 6)))
    assert "page: a list" in text and "goal p95 200 ms: met" in text
    assert "page: a conversation" in text and "goal p95 200 ms: MISSED" in text
    assert "not measured" in text, "what was not measured is said"
    assert "wrong: lost (2 times)" in text


def test_a_stack_that_did_not_start_is_explained_from_its_logs(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "rasa.log").write_text("loading\ncalling 13812345678 failed\n", encoding="utf-8")
    killed = command._why_not(-9, tmp_path)
    assert "was killed by SIGKILL before it was ready" in killed
    assert "rasa: calling 138****5678 failed" in killed
    assert "ended with code 1" in command._why_not(1, tmp_path / "none")


def test_several_processes_are_counted_together() -> None:
    one, other = Samples(times={"reply": [1.0], "rows": [2.0]}), Samples(times={"reply": [3.0]})
    assert together([one, other]) == {"reply": [1.0, 3.0], "rows": [2.0]}


def test_every_shopper_has_one_agent_and_every_agent_one_process() -> None:
    plan = desk.Plan(agents=5, conversations=12, processes=2)
    shoppers = [Shopper(f"c_{n}", "s") for n in range(plan.conversations)]
    desks = [Desk(f"bench{n}", "p", tuple(shoppers[n :: plan.agents])) for n in range(plan.agents)]
    jobs = desk._jobs("http://127.0.0.1:1", desks, plan)
    shared = [one.conversation_id for job in jobs for each in job.desks for one in each.shoppers]
    assert sorted(shared) == sorted(one.conversation_id for one in shoppers)
    assert sorted(each.login for job in jobs for each in job.desks) == sorted(each.login for each in desks)
