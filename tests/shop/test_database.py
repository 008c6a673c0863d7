"""Schema and storage: migrations, sealed columns, what the file shows to a thief."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, select, text

from actions.shop import database
from actions.shop.columns import Sealed
from actions.shop.database import downgrade, open_engine, upgrade
from actions.shop.errors import ShopUnavailableError
from actions.shop.schema import CustomerRow
from actions.shop.seed.demo import seed_demo
from actions.shop.seed.plans import read_people
from actions.shop.sql import SqlShop
from actions.shop.tables import Base
from persona.privacy.vault import Vault, VaultError
from tests.support.shop import VAULT, Clock, demo_shop

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def test_migrations_build_the_schema_of_the_models(empty_url: str) -> None:
    upgrade(empty_url)
    upgrade(empty_url)
    engine = open_engine(empty_url, None)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
    engine.dispose()


def test_migrations_go_down_and_up_with_data_in_them(empty_url: str) -> None:
    upgrade(empty_url)
    seed_demo(empty_url, VAULT, Clock())
    downgrade(empty_url, "base")
    engine = open_engine(empty_url, None)
    assert set(inspect(engine).get_table_names()) == {"alembic_version"}
    engine.dispose()
    upgrade(empty_url)
    assert seed_demo(empty_url, VAULT, Clock())


def test_sealed_columns_are_bound_to_their_place() -> None:
    sealed = {
        f"{table.name}.{column.name}": column.type.context
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, Sealed)
    }
    assert sealed == {name: name for name in sealed}
    for name in ("consignee", "phone", "province", "city", "district", "street"):
        assert {f"orders.{name}", f"addresses.{name}"} <= set(sealed)
    assert {"customers.name", "customers.phone", "customers.birthday", "order_items.engraving"} <= set(sealed)


def _raw_files(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.glob("*/shop.db*"))


async def test_the_file_shows_no_personal_data(tmp_path: Path) -> None:
    shop, _ = demo_shop(tmp_path)
    phones = {(await shop.customer(person.customer_id)).phone for person in read_people()}
    await shop.verify_order("202611200001", "1234", source="203.0.113.9")
    raw = _raw_files(tmp_path)
    await shop.close()
    assert "听岚降噪耳机".encode() in raw  # the search itself works
    for person in read_people():
        for secret in (person.name, person.place[3], person.place[3].split(" ")[0]):
            assert secret.encode() not in raw, secret
        assert person.born is None or f"{person.born}".encode() not in raw
    for phone in phones:
        assert phone.encode() not in raw


def test_phone_tails_do_not_show_equal_phones(tmp_path: Path) -> None:
    shop, _ = demo_shop(tmp_path)
    with shop.engine.connect() as connection:
        tails = connection.execute(text("SELECT phone_tail FROM orders")).scalars().all()
    shop.engine.dispose()
    assert len(set(tails)) == len(tails)


def test_other_keys_open_nothing(tmp_path: Path) -> None:
    shop, _ = demo_shop(tmp_path)
    engine = open_engine(str(shop.engine.url), Vault({"t1": b"another-key-that-is-32-bytes-lon"}, "t1"))
    with engine.connect() as connection, pytest.raises(VaultError):
        connection.execute(select(CustomerRow.name)).all()
    engine.dispose()
    shop.engine.dispose()


def test_an_engine_without_keys_opens_nothing(tmp_path: Path) -> None:
    shop, _ = demo_shop(tmp_path)
    engine = open_engine(str(shop.engine.url), None)
    with engine.connect() as connection, pytest.raises(TypeError, match="data keys"):
        connection.execute(select(CustomerRow.name)).all()
    engine.dispose()
    shop.engine.dispose()


def test_two_shops_with_different_keys_live_side_by_side(tmp_path: Path) -> None:
    urls = [f"sqlite:///{tmp_path / name}.db" for name in ("one", "two")]
    vaults = [VAULT, Vault({"t2": b"another-key-that-is-32-bytes-lon"}, "t2")]
    for url, vault in zip(urls, vaults, strict=True):
        upgrade(url)
        seed_demo(url, vault, Clock())
    engines = [open_engine(url, vault) for url, vault in zip(urls, vaults, strict=True)]
    names = []
    for engine in engines:
        with engine.connect() as connection:
            names.append(connection.execute(select(CustomerRow.name)).scalars().all())
        engine.dispose()
    assert names[0] == names[1]


def test_sqlite_is_set_up_for_several_processes(tmp_path: Path) -> None:
    shop, _ = demo_shop(tmp_path)
    with shop.engine.connect() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar_one() == "wal"
        assert connection.execute(text("PRAGMA foreign_keys")).scalar_one() == 1
        assert connection.execute(text("PRAGMA busy_timeout")).scalar_one() >= 1000
    assert type(shop.engine.pool).__name__ == "QueuePool"
    shop.engine.dispose()


def test_other_databases_are_refused() -> None:
    with pytest.raises(ValueError, match="SQLite or PostgreSQL"):
        open_engine("mysql://127.0.0.1/shop", VAULT)


async def test_a_locked_database_is_an_unavailable_shop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_BUSY_MS", 200)
    shop, _ = demo_shop(tmp_path)
    order = (await shop.orders("u1001"))[0]
    other = sqlite3.connect(str(shop.engine.url.database), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(ShopUnavailableError):
        await shop.cancel_order(order.order_number, customer_id="u1001", key="k")
    assert (await shop.order(order.order_number, customer_id="u1001")) == order  # readers go on
    other.execute("ROLLBACK")
    other.close()
    assert not (await shop.cancel_order(order.order_number, customer_id="u1001", key="k")).repeated
    await shop.close()


async def test_a_missing_schema_is_an_unavailable_shop(tmp_path: Path) -> None:
    shop = SqlShop(f"sqlite:///{tmp_path / 'empty.db'}", VAULT, Clock())
    with pytest.raises(ShopUnavailableError):
        await shop.orders("u1001")
    await shop.close()


def test_importing_every_module_is_harmless_and_light() -> None:
    """The action server imports all modules below `actions` as it starts."""
    code = (
        "import pkgutil, importlib, sys, actions.shop\n"
        "names = [m.name for m in pkgutil.walk_packages(actions.shop.__path__, 'actions.shop.')]\n"
        "[importlib.import_module(name) for name in names]\n"
        "assert not any('migrations' in name for name in names), names\n"
        "assert len(names) > 12, names\n"
        "heavy = {'alembic', 'tensorflow', 'rasa', 'pandas', 'numpy', 'jieba'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=60)
