"""The demo's secrets: made at random once, kept in ``<data>/secrets.json`` for their owner alone."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import tempfile
from pathlib import Path

from persona.privacy.vault import Vault


def path(data_dir: Path) -> Path:
    """Return where the secrets are kept."""
    return data_dir / "secrets.json"


def read(data_dir: Path) -> dict[str, str]:
    """Return the secrets kept before; empty if there are none or the file is damaged."""
    try:
        data = json.loads(path(data_dir).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {k: v for k, v in data.items() if isinstance(v, str)} if isinstance(data, dict) else {}


def read_or_make(data_dir: Path) -> dict[str, str]:
    """Return the kept secrets, made now if there are none; the file is readable by its owner only.

    Raises:
        OSError: the folder cannot be written.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    target = path(data_dir)
    if not target.exists():
        descriptor, name = tempfile.mkstemp(dir=data_dir, prefix=".secrets-")  # mode 0600
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(_fresh(), file, indent=2)
                file.flush()
                os.fsync(file.fileno())
            # A link never replaces: of two that start at once, the first one wins.
            with contextlib.suppress(FileExistsError):
                target.hardlink_to(name)
        finally:
            Path(name).unlink()
    target.chmod(0o600)
    return read(data_dir)


def _fresh() -> dict[str, str]:
    return {
        "data_keys": f"k1={Vault.new_key()}",
        "assertion_key": secrets.token_urlsafe(32),
        "rasa_secret": secrets.token_urlsafe(32),
        "action_secret": secrets.token_urlsafe(32),
        "token_keys": f"demo={secrets.token_urlsafe(32)}",
    }
