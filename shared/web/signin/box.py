"""Seals what a sign-in leaves in the database under a key that only the browser's cookie carries.

No service could open that: a copy of the table alone tells neither who was signed in nor what they
had typed. The other way round, a sign-in under way rests in the browser, sealed under our secret.
"""

import hashlib
import hmac
import json
import os
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_BYTES: Final = 32
_NONCE: Final = 12
_TEXT: Final = 43  # 32 bytes in base64 without padding


def new_secret() -> str:
    """256 random bits as a cookie or an address carries them."""
    return secrets.token_urlsafe(_BYTES)


def is_secret(text: str) -> bool:
    return len(text) == _TEXT and text.isascii()


def hashed(secret: str) -> bytes:
    """What the database knows a secret by. It is random, so a plain hash cannot be guessed back."""
    return hashlib.sha256(secret.encode()).digest()


def derived(secret: str, what: str) -> bytes:
    return hmac.digest(secret.encode(), what.encode(), hashlib.sha256)


def seal(secret: str, what: str, content: dict[str, Any]) -> bytes:
    return _seal(derived(secret, what), what, content)


def unseal(secret: str, what: str, sealed: bytes) -> dict[str, Any] | None:
    """None where it was sealed with another secret, or for something else."""
    return _unseal(derived(secret, what), what, sealed)


def sealed_by_us(secret: bytes, what: str, content: dict[str, Any]) -> str:
    """For a cookie: under the service's own secret, for what a browser carries and cannot read."""
    return urlsafe_b64encode(_seal(_ours(secret), what, content)).decode()


def opened_by_us(secret: bytes, what: str, sealed: str) -> dict[str, Any] | None:
    try:
        return _unseal(_ours(secret), what, urlsafe_b64decode(sealed))
    except ValueError:
        return None


def _ours(secret: bytes) -> bytes:
    return hmac.digest(secret, b"sign-in under way", hashlib.sha256)


def _seal(key: bytes, what: str, content: dict[str, Any]) -> bytes:
    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, json.dumps(content).encode(), what.encode())


def _unseal(key: bytes, what: str, sealed: bytes) -> dict[str, Any] | None:
    try:
        plain = AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], what.encode())
    except (InvalidTag, ValueError):
        return None
    content: dict[str, Any] = json.loads(plain)
    return content
