"""Feishu's signature and ciphertext, by its documents on the security of events and callbacks."""

from __future__ import annotations

import base64
import hashlib

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7


def sign(timestamp: str, nonce: str, key: str, body: bytes) -> str:
    """Return the signature of a call: hex SHA-256 of time, nonce, encrypt key and body."""
    return hashlib.sha256(f"{timestamp}{nonce}{key}".encode("utf-8", "replace") + body).hexdigest()


def decrypt(text: str, key: str) -> bytes:
    """Return what was encrypted: Base64 of IV and AES-256-CBC under the key's SHA-256.

    Raises:
        ValueError: it is cut off, or of another key.
    """
    raw = base64.b64decode(text, validate=True)
    if len(raw) < 32 or len(raw) % 16:
        raise ValueError("cut off")
    made = Cipher(algorithms.AES(hashlib.sha256(key.encode()).digest()), modes.CBC(raw[:16])).decryptor()
    strip = PKCS7(128).unpadder()
    return strip.update(made.update(raw[16:]) + made.finalize()) + strip.finalize()
