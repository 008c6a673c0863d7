"""Trains the peer's model, once for each state of the training data: ``python -m bot.app.bench.peer.model``.

Rasa's policies that learn want stories; an integrator writes those beside the rules. Here they are made of
the rules: each rule that a message begins, and each two of them in a row.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from bot.app.settings import PROJECT_ROOT
from bot.components.training import fingerprint, training_files

HERE = Path(__file__).parent

Steps = list[dict[str, Any]]


def path(model_dir: Path) -> Path:
    """Return where the peer's model for the training data of now belongs."""
    own = hashlib.sha256((HERE / "config.yml").read_bytes() + Path(__file__).read_bytes()).hexdigest()[:8]
    return model_dir / f"peer-{fingerprint()}-{own}.tar.gz"


def stories(rule_files: list[Path]) -> dict[str, Any]:
    """Return stories made of the rules that a message alone begins."""
    rules = [rule for file in rule_files for rule in _simple_rules(file)]
    told = [*rules, *(first + second for first, second in pairwise(rules))]
    return {
        "version": "3.1",
        "stories": [{"story": f"visit {number}", "steps": steps} for number, steps in enumerate(told)],
    }


def _simple_rules(file: Path) -> Iterator[Steps]:
    rules = (yaml.safe_load(file.read_text("utf-8")) or {}).get("rules") or ()
    for rule in rules:
        steps: Steps = rule["steps"]
        plain = all(set(step) <= {"intent", "action"} for step in steps)
        if plain and not rule.get("condition") and "intent" in steps[0] and "wait_for_user_input" not in rule:
            yield steps


def train(target: Path) -> None:
    """Train the peer's model and put it at `target` in one step.

    Raises:
        RuntimeError: Rasa refused the training data.
    """
    os.environ["RASA_TELEMETRY_ENABLED"] = "false"
    import rasa.model_training

    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".peer-") as scratch:
        os.environ["RASA_CACHE_DIRECTORY"] = f"{scratch}/cache"
        files = training_files()
        made = Path(scratch) / "stories.yml"
        made.write_text(yaml.safe_dump(stories(sorted((PROJECT_ROOT / "bot/rules").glob("*.yml")))), "utf-8")
        result = rasa.model_training.train(
            domain=str(PROJECT_ROOT / "bot/domain"),
            config=str(HERE / "config.yml"),
            training_files=[str(file) for file in (*files, made)],
            output=scratch,
            force_training=True,
            fixed_model_name=target.name,
        )
        if result.code != 0 or not result.model:
            raise RuntimeError(f"Rasa's training ended with code {result.code}")
        Path(result.model).replace(target)


def main() -> int:
    """Train into ``ZHIXIN_MODEL_DIR`` where no model fits; return the exit code."""
    target = path(Path(os.environ.get("ZHIXIN_MODEL_DIR") or "models").resolve())
    if not target.is_file():
        train(target)
    print(target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
