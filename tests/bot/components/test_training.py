"""What counts as a training input, and what a training leaves behind."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.components.training import current_model, fingerprint, model_path
from tests.bot.components.conftest import PROJECT


@pytest.fixture
def root(tiny_root: Path, tmp_path: Path) -> Path:
    shutil.copytree(tiny_root, tmp_path / "root")
    return tmp_path / "root"


def edit(path: Path, change: Callable[[str], str]) -> None:
    before = path.read_text("utf-8")
    after = change(before)
    assert after != before
    path.write_text(after, "utf-8")


def test_the_same_inputs_give_the_same_fingerprint_whatever_their_dates(root: Path, tmp_path: Path) -> None:
    before = fingerprint(root)
    shutil.copytree(root, tmp_path / "elsewhere")
    for path in (tmp_path / "elsewhere").rglob("*.yml"):
        os.utime(path, (1, 1))
    assert fingerprint(tmp_path / "elsewhere") == before


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("bot/config.yml", lambda text: text.replace("assistant_id: zhixin", "assistant_id: other")),
        ("nlu_data/nlu/tiny.yml", lambda text: text.replace("哈喽", "嗨")),
        ("bot/rules/tiny.yml", lambda text: text.replace("utter_opened", "utter_hello")),
        ("bot/domain/tiny.yml", lambda text: text.replace("action_slow", "action_slower")),
        ("bot/domain/tiny.yml", lambda text: text.replace("utter_opened:", "utter_other:")),
    ],
)
def test_a_change_of_an_input_asks_for_a_training(
    root: Path, name: str, change: Callable[[str], str]
) -> None:
    before = fingerprint(root)
    edit(root / name, change)
    assert fingerprint(root) != before


def test_a_new_file_asks_for_a_training(root: Path) -> None:
    before = fingerprint(root)
    (root / "bot/rules/more.yml").write_text("rules: []", "utf-8")
    assert fingerprint(root) != before


def test_a_change_of_words_asks_for_none(root: Path) -> None:
    before = fingerprint(root)
    edit(root / "bot/domain/tiny.yml", lambda text: text.replace("欢迎", "欢迎光临"))
    edit(root / "bot/domain/tiny.yml", lambda text: text + "# a remark\n")
    assert fingerprint(root) == before


def test_a_model_is_current_only_for_its_own_inputs(root: Path, tmp_path: Path) -> None:
    assert current_model(tmp_path, root) is None
    model_path(tmp_path, root).write_bytes(b"x")
    assert current_model(tmp_path, root) == model_path(tmp_path, root)
    edit(root / "nlu_data/nlu/tiny.yml", lambda text: text.replace("哈喽", "嗨"))
    assert current_model(tmp_path, root) is None


def test_asking_for_the_model_needs_no_rasa() -> None:
    code = (
        "import sys; from pathlib import Path; from bot.components.training import current_model\n"
        "current_model(Path('models')); sys.exit('rasa' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=PROJECT, check=False).returncode == 0


@pytest.mark.model
def test_a_training_leaves_one_whole_model(tiny_model: Path, tiny_root: Path) -> None:
    assert tiny_model == current_model(tiny_model.parent, tiny_root)
    assert [path.name for path in tiny_model.parent.iterdir()] == [tiny_model.name]


@pytest.mark.model
def test_wrong_data_are_refused_and_leave_no_model(rasa_loaded: None, root: Path, tmp_path: Path) -> None:
    from bot.components.training import train

    edit(root / "bot/rules/tiny.yml", lambda text: text.replace("{intent: hello}", "{intent: 5}"))
    with pytest.raises(Exception):  # noqa: B017 (whatever Rasa says of it)
        train(root, tmp_path / "models", lambda line: None)
    assert list((tmp_path / "models").iterdir()) == []
