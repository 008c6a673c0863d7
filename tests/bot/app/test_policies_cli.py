"""``zhixin policies``: out to a file, checked, and in again; only what differs is changed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from actions.shop.policy_models import Policy
from bot.app import prepare
from bot.app.cli import main
from bot.app.settings import Settings, load
from bot.app.shops import open_shop

FEE = """
return_fee:
  title: 退货运费
  clauses:
    - {part: conclusion, states: [delivered], when: ["!late"], tone: "no", text: "{product}的运费您出。"}
    - {part: conclusion, text: "寄回运费由您承担。"}
delivery_area:
  title: 配送范围
  clauses:
    - {part: conclusion, text: "全国都送。"}
"""
Zhixin = Callable[..., tuple[int, str, str]]


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """An embedded shop to which two policies are delivered."""
    from actions.shop.policy_file import read_text

    delivered = {policy.topic: policy for policy in read_text(FEE, "delivered.yml")}
    monkeypatch.setattr("actions.shop.sql_policies.delivered_topics", lambda: delivered)
    monkeypatch.setenv("ZHIXIN_DATA_DIR", str(tmp_path / "var"))
    found = load()
    prepare.upgrade_databases(found)
    return found


@pytest.fixture
def zhixin(settings: Settings, capsys: pytest.CaptureFixture[str]) -> Zhixin:
    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            main(["policies", *arguments])
        said = capsys.readouterr()
        return int(left.value.code or 0), said.out, said.err

    return run


def held(settings: Settings) -> dict[str, Policy]:
    async def run() -> dict[str, Policy]:
        shop = open_shop(settings)
        try:
            return {policy.topic: policy for policy in await shop.policies()}
        finally:
            await shop.close()

    return asyncio.run(run())


def test_what_goes_out_comes_in_and_only_differences_are_written(
    settings: Settings, zhixin: Zhixin, tmp_path: Path
) -> None:
    path = tmp_path / "policies.yml"
    assert zhixin("export", "-o", str(path))[0] == 0
    text = path.read_text(encoding="utf-8")
    assert zhixin("export")[1] == text
    assert zhixin("check", str(path))[:2] == (0, "zhixin: 2 policies, nothing is wrong\n")
    code, said, _ = zhixin("import", str(path), "--by", "zhou")
    assert (code, said) == (0, "zhixin: 0 changed, 2 the same\n")

    path.write_text(text.replace("全国都送。", "港澳台暂时不送。"), encoding="utf-8")
    code, said, _ = zhixin("import", str(path), "--by", "zhou", "--dry-run")
    assert (code, said) == (0, "zhixin: delivery_area would be changed\nzhixin: 1 to change, 1 the same\n")
    assert held(settings)["delivery_area"].version == 1
    assert zhixin("import", str(path), "--by", "zhou")[0] == 0
    area = held(settings)["delivery_area"]
    assert (area.version, area.changed_by, area.clauses[0].text) == (2, "zhou", "港澳台暂时不送。")
    assert held(settings)["return_fee"].version == 1


def test_a_file_that_is_wrong_or_strange_changes_nothing(
    settings: Settings, zhixin: Zhixin, tmp_path: Path
) -> None:
    path = tmp_path / "policies.yml"
    path.write_text(FEE.replace("全国都送。", "全国都送"), encoding="utf-8")
    for command in (("check",), ("import", "--by", "zhou")):
        code, said, error = zhixin(command[0], str(path), *command[1:])
        assert (code, said) == (
            1,
            "policies.yml: delivery_area · 第 1 条·文字：要写成完整的句子，以句号结尾\n",
        )
        assert "nothing was done" in error
    path.write_text(FEE.replace("delivery_area", "moon_area").replace("全国", "月球"), encoding="utf-8")
    code, _, error = zhixin("import", str(path), "--by", "zhou")
    assert (code, "moon_area" in error) == (1, True)
    assert {policy.version for policy in held(settings).values()} == {1}
    assert zhixin("check", str(tmp_path / "nowhere.yml"))[0] == 1
    assert zhixin("import", str(path), "--by", "zhou li")[0] == 1
