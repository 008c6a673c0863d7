"""A ready demo shop for tests: `demo_shop(tmp_path)` gives a seeded `SqlShop` on its own file, fast.

The shop is filled once per process into a template; every call copies it. Its clock stands at `NOW` and can
be moved: ``shop, clock = demo_shop(tmp_path); clock.forward(hours=1)``.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path

from actions.shop.columns import SHANGHAI
from actions.shop.database import upgrade
from actions.shop.seed.demo import seed_demo
from actions.shop.sql import SqlShop
from persona.privacy.vault import Vault

#: The moment at which the demo shop's clock stands: a Friday afternoon.
NOW = datetime(2026, 11, 20, 14, 30, tzinfo=SHANGHAI)

VAULT = Vault({"t1": b"zhixin-test-key-of-32-bytes-long"}, "t1")


@dataclass
class Clock:
    """A clock that stands until it is moved."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **delta: float) -> None:
        """Move on, e.g. ``forward(hours=2)``."""
        self.now += timedelta(**delta)


@lru_cache(maxsize=1)
def demo_template() -> Path:
    """Fill one demo shop per process and return its file."""
    path = Path(tempfile.mkdtemp(prefix="zhixin-shop-")) / "shop.db"
    url = f"sqlite:///{path}"
    upgrade(url)
    seed_demo(url, VAULT, Clock())
    return path


def demo_shop(folder: Path, clock: Clock | None = None) -> tuple[SqlShop, Clock]:
    """Return a seeded shop of its own in `folder`, and its clock. Close the shop when done."""
    path = Path(tempfile.mkdtemp(dir=folder)) / "shop.db"
    shutil.copy(demo_template(), path)
    clock = clock or Clock()
    return SqlShop(f"sqlite:///{path}", VAULT, clock), clock
