"""Seals what a sign-in leaves in the database under a key that only the browser's cookie carries.

Nothing here is sealed to a purpose that a service could open: a copy of the table alone tells
neither who was signed in nor what they had typed.
"""

import hashlib
import hmac
import json
import os
import secrets
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
    nonce = os.urandom(_NONCE)
    plain = json.dumps(content).encode()
    return nonce + AESGCM(derived(secret, what)).encrypt(nonce, plain, what.encode())


def unseal(secret: str, what: str, sealed: bytes) -> dict[str, Any] | None:
    """None where it was sealed with another secret, or for something else."""
    try:
        key = AESGCM(derived(secret, what))
        plain = key.decrypt(sealed[:_NONCE], sealed[_NONCE:], what.encode())
    except (InvalidTag, ValueError):
        return None
    content: dict[str, Any] = json.loads(plain)
    return content
