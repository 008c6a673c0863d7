"""One stack for all cases, with a shop that is put back before every run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conversations.playing import Theatre
from tests.conversations.recorded import CaseRecord
from tests.conversations.shop_rows import CaseShop
from tests.stack.agent import AgentClient
from tests.stack.harness import Stack


@pytest.fixture(scope="session")
def theatre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theatre]:
    """Start the three processes; nobody watches for late parcels, whose notices would come anywhere."""
    with Stack(tmp_path_factory.mktemp("cases") / "data", late_watch_s=3600) as stack:
        shop = CaseShop(stack.settings.data_dir / "shop.db", stack.settings.data_keys)
        record = CaseRecord(stack.settings)
        yield Theatre(stack, shop, record, AgentClient.hired(stack, "xiaoqi", "小齐"))
        record.close()
        shop.close()
