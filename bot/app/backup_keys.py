"""The keys that a backup needs: which ones its seals name, and whether the settings have those very keys.

A backup holds no key. It holds a probe for each: a word sealed under it, which tells another key of the same
name before anything is written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from persona.privacy.vault import Vault, VaultError

#: ``<key id>:<urlsafe base64 of nonce and ciphertext>``, see :mod:`persona.privacy.vault`.
_SEALED = re.compile(r"([^:\s]{1,40}):[A-Za-z0-9_-]{38,}={0,2}")
_WORD = "zhixin"
_CONTEXT = "backup.probe"
_MANIFEST = "backup.manifest"


class KeysError(Exception):
    """The settings lack keys of the backup; the text names them."""


class Seals:
    """Collects under which keys the rows that pass by are sealed.

    A column counts as sealed where every value in it is: a text that only looks so stands among others.
    """

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], set[str] | None] = {}

    def note(self, table: str, columns: Sequence[tuple[str, str]], values: Sequence[Any]) -> None:
        """Look at one row."""
        for (name, kind), value in zip(columns, values, strict=True):
            if kind != "text" or value is None:
                continue
            found = self._found.setdefault((table, name), set())
            if found is None:
                continue
            seal = _SEALED.fullmatch(value)
            if seal:
                found.add(seal[1])
            else:
                self._found[table, name] = None

    @property
    def key_ids(self) -> frozenset[str]:
        """Return the ids of the keys."""
        return frozenset().union(*filter(None, self._found.values()))


@dataclass(frozen=True)
class Keys:
    """What a manifest says of keys.

    Attributes:
        needed: ids of the keys that the rows are sealed under.
        probes: key id -> the word sealed under it, for each key of the settings that made the backup.
        blind: the word blinded: what is looked up by a blind hash is found with the same keys only.
    """

    needed: tuple[str, ...]
    probes: Mapping[str, str]
    blind: str

    @classmethod
    def of(cls, data_keys: str, needed: frozenset[str]) -> Keys:
        """Return what the settings' keys are to say in a manifest."""
        probes = {
            part.strip().partition("=")[0]: Vault.from_text(part).seal(_WORD, _CONTEXT)
            for part in data_keys.split(",")
        }
        return cls(tuple(sorted(needed)), probes, Vault.from_text(data_keys).blind(_WORD, _CONTEXT))

    def check(self, data_keys: str) -> None:
        """Raise KeysError unless these keys open everything and blind alike."""
        vault = Vault.from_text(data_keys)
        given = {part.strip().partition("=")[0] for part in data_keys.split(",")}
        missing = [key_id for key_id in self.needed if key_id not in given]
        if missing:
            raise KeysError(
                f"the backup is sealed under keys that ZHIXIN_DATA_KEYS lacks: {', '.join(missing)}; "
                "put them behind the present ones"
            )
        others = [
            key_id for key_id in self.probes if key_id in given and not _opens(vault, self.probes[key_id])
        ]
        if others:
            raise KeysError(
                f"ZHIXIN_DATA_KEYS has other keys under the names of the backup's: {', '.join(others)}"
            )
        if vault.blind(_WORD, _CONTEXT) != self.blind:
            raise KeysError(
                "ZHIXIN_DATA_KEYS blinds otherwise than the keys of the backup (the first id in alphabetical "
                f"order counts; the backup had {', '.join(sorted(self.probes))}): what is found by phone "
                "number or network address would be lost"
            )


def sign(data_keys: str, digest: str) -> str:
    """Return the seal of a manifest: only who has the keys can have written it."""
    return Vault.from_text(data_keys).seal(digest, _MANIFEST)


def signed(data_keys: str, seal: str, digest: str) -> bool:
    """Say whether a manifest is the one that was sealed.

    Raises:
        KeysError: it was sealed under a key that the settings lack.
    """
    key_id = seal.partition(":")[0]
    if key_id not in {part.strip().partition("=")[0] for part in data_keys.split(",")}:
        raise KeysError(f"the backup was made under the key {key_id!r}, which ZHIXIN_DATA_KEYS lacks")
    try:
        return Vault.from_text(data_keys).open(seal, _MANIFEST) == digest
    except VaultError:
        return False


def _opens(vault: Vault, probe: str) -> bool:
    try:
        return vault.open(probe, _CONTEXT) == _WORD
    except VaultError:
        return False
