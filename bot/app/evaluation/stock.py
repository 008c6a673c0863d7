"""Rasa's stock Chinese pipeline on our sentences: ``python -m bot.app.evaluation.stock``.

Reads texts (a JSON string a line) from stdin and prints for each the ranking of intents as JSON, the decision
first. The pipeline is that of the bench's peer; the model is trained once for each state of the sentences.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

from bot.app.bench.peer import model as peer
from bot.app.settings import PROJECT_ROOT
from bot.components.training import training_files

_RANKING = 3


def _model(model_dir: Path) -> Path:
    target = peer.path(model_dir).with_name(peer.path(model_dir).name.replace("peer-", "stock-nlu-"))
    if target.is_file():
        return target
    import rasa.model_training

    config: dict[str, Any] = yaml.safe_load((peer.HERE / "config.yml").read_text("utf-8"))
    del config["policies"]
    model_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=model_dir, prefix=".stock-") as scratch:
        os.environ["RASA_CACHE_DIRECTORY"] = f"{scratch}/cache"
        written = Path(scratch) / "config.yml"
        written.write_text(yaml.safe_dump(config), "utf-8")
        language = Path(scratch) / "language"
        for number, path in enumerate(training_files()):
            if "nlu_data" in path.parts:
                language.mkdir(exist_ok=True)
                shutil.copy(path, language / f"{number}-{path.name}")
        found = rasa.model_training.train_nlu(
            config=str(written),
            nlu_data=str(language),
            output=scratch,
            fixed_model_name=target.name,
            domain=str(PROJECT_ROOT / "bot/domain"),
        )
        if not found:
            raise RuntimeError("Rasa refused the training data")
        Path(found).replace(target)
    return target


def main() -> int:
    """Parse all lines of stdin."""
    texts = [json.loads(line) for line in sys.stdin if line.strip()]
    with contextlib.redirect_stdout(sys.stderr):
        trained = _model(Path(os.environ.get("ZHIXIN_MODEL_DIR") or "models").resolve())
        from rasa.core.agent import Agent

        agent = Agent.load(str(trained))
        found = [asyncio.run(agent.parse_message(text)) for text in texts]
    for parsed in found:
        ranking = [(i["name"], i["confidence"]) for i in parsed["intent_ranking"]][:_RANKING]
        print(json.dumps(ranking, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
