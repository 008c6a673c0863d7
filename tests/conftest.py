"""What holds for all tests: no setting of the developer's own shell reaches them."""

from __future__ import annotations

import os

for _name in [
    name for name in os.environ if name.startswith("ZHIXIN_") and not name.startswith("ZHIXIN_TEST_")
]:
    del os.environ[_name]
os.environ.setdefault("SQLALCHEMY_SILENCE_UBER_WARNING", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
