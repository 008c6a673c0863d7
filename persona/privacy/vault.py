"""Seals personal data for storage: AES-256-GCM under a key with an id, so that keys can be rotated.

A sealed text is ``<key id>:<urlsafe base64 of nonce + ciphertext>``. A keyed hash ("blind") stands in
for a value where it must be looked up or counted without being readable.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES = 12
_KEY_BYTES = 32


class VaultError(ValueError):
    """A sealed text cannot be opened: unknown key id, damaged, or not sealed at all."""


class Vault:
    """Seals and opens texts.

    Args:
        keys: key id -> 32 bytes. Ids are short words without a colon.
        current: id of the key that seals; the others only open.

    Raises:
        ValueError: a key has the wrong length, an id is malformed or `current` is missing.
    """

    def __init__(self, keys: Mapping[str, bytes], current: str) -> None:
        if current not in keys:
            raise ValueError(f"the current key {current!r} is not among the keys")
        for key_id, key in keys.items():
            if not key_id or ":" in key_id:
                raise ValueError(f"malformed key id {key_id!r}")
            if len(key) != _KEY_BYTES:
                raise ValueError(f"key {key_id!r} must have {_KEY_BYTES} bytes")
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self._current = current
        oldest = keys[min(keys)]  # the blind hash must survive rotation: it uses the first key by id
        self._blind_key = hashlib.sha256(b"zhixin-blind:" + oldest).digest()

    @classmethod
    def from_text(cls, text: str) -> Vault:
        """Read ``id=<base64>[,id=<base64>...]``; the first key is the current one.

        Raises:
            ValueError: the text is not of that form.
        """
        keys: dict[str, bytes] = {}
        for part in text.split(","):
            key_id, sep, encoded = part.strip().partition("=")
            if not sep:
                raise ValueError("data keys are written id=<base64>, separated by commas")
            keys[key_id] = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
        return cls(keys, current=next(iter(keys)))

    @staticmethod
    def new_key() -> str:
        """Return a fresh random key as text for :meth:`from_text` (without its id)."""
        return base64.urlsafe_b64encode(os.urandom(_KEY_BYTES)).decode().rstrip("=")

    def seal(self, text: str, context: str = "") -> str:
        """Seal `text`; `context` (e.g. table and column) must be given again to open it."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._ciphers[self._current].encrypt(nonce, text.encode(), context.encode())
        return f"{self._current}:{base64.urlsafe_b64encode(nonce + sealed).decode()}"

    def open(self, sealed: str, context: str = "") -> str:
        """Open what :meth:`seal` made.

        Raises:
            VaultError: wrong key, wrong context, or damaged.
        """
        key_id, _, body = sealed.partition(":")
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise VaultError(f"no key {key_id[:20]!r} in this vault")
        try:
            raw = base64.urlsafe_b64decode(body)
            return cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], context.encode()).decode()
        except (InvalidTag, ValueError) as exc:
            raise VaultError("a sealed text is damaged or belongs elsewhere") from exc

    def blind(self, value: str, context: str = "") -> str:
        """Return a keyed hash of `value` (32 hex digits): equal values match, nothing can be read back."""
        return hmac.new(self._blind_key, f"{context}\0{value}".encode(), hashlib.sha256).hexdigest()[:32]
