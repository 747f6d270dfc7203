"""Seals what names or narrates so that one service can open it, and keys what is only compared."""

import base64
import hashlib
import hmac
import json
import os
import re
import struct
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal, cast

import orjson
import structlog
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import aes_key_wrap
from joserfc import jwe
from joserfc.jwk import OKPKey

Purpose = Literal["details", "contacts", "submission", "dead_letter", "snapshot"]
KeyPurpose = Literal["details", "contacts", "dead_letter", "snapshot"]
KEY_PURPOSES: Final[tuple[KeyPurpose, ...]] = ("details", "contacts", "dead_letter")

# A submission is the raw body the details came from: who may read one may read the other, so both
# are sealed to the same key. The purpose is bound into the seal, so neither passes for the other.
_KEY_OF: Final[Mapping[str, KeyPurpose]] = {
    "details": "details",
    "submission": "details",
    "contacts": "contacts",
    "dead_letter": "dead_letter",
    "snapshot": "snapshot",
}
_ALG, _ENC = "ECDH-ES+A256KW", "A256GCM"
_HEADER: Final = frozenset({"alg", "enc", "kid", "apu", "apv", "epk"})
_MAX_CONTEXT, _MIN_SECRET = 200, 32
_MAX_PAYLOAD = 8 * 1024 * 1024
_RECHECK_SECONDS = 2.0
_KID = re.compile(r"[A-Za-z0-9_.-]{1,64}")

log = structlog.get_logger(__name__)


class SealBroken(Exception):
    """The blob does not open here. Never says why: the reason could carry what was sealed."""

    def __init__(self) -> None:
        super().__init__("the seal is broken")


class KeysUnreadable(Exception):
    """A key file is missing or is not a JWKS of sealing keys. Names the file only."""


class _Registry(jwe.JWERegistry):
    # The library opens at most 64 KiB, but seals anything: what was sealed must always open.
    max_ciphertext_length = _MAX_PAYLOAD * 4 // 3 + 4


_REGISTRY = _Registry(algorithms=[_ALG, _ENC])


class KeyFile:
    """The sealing keys in some JWKS files or directories of them; follows a rotation by itself.

    A file that breaks while the service runs leaves the last good keys in use.
    """

    def __init__(
        self, paths: Sequence[Path], *, private: bool, recheck_seconds: float = _RECHECK_SECONDS
    ) -> None:
        self._paths, self._private, self._recheck = tuple(paths), private, recheck_seconds
        self._seen = self._stamp()
        self._keys = self._read()
        self._looked = time.monotonic()

    def keys(self) -> dict[KeyPurpose, dict[str, OKPKey]]:
        """Per purpose the keys by kid, oldest first; the last one is the current one."""
        now = time.monotonic()
        if now - self._looked >= self._recheck:
            self._looked = now
            self._follow()
        return self._keys

    def _follow(self) -> None:
        try:
            stamp = self._stamp()
            if stamp != self._seen:
                self._keys = self._read()
                self._seen = stamp
        except KeysUnreadable:
            log.error("sealing keys unreadable, the last good ones stay in use")

    def _files(self) -> list[Path]:
        files: list[Path] = []
        for path in self._paths:
            files += sorted(path.glob("*.json")) if path.is_dir() else [path]
        return files

    def _stamp(self) -> tuple[tuple[str, int, int], ...]:
        try:
            stats = [(str(f), f.stat()) for f in self._files()]
        except OSError:
            raise KeysUnreadable(f"no sealing keys at {self._paths[0]}") from None
        return tuple((name, stat.st_ino, stat.st_mtime_ns) for name, stat in stats)

    def _read(self) -> dict[KeyPurpose, dict[str, OKPKey]]:
        entries: list[tuple[datetime, KeyPurpose, str, OKPKey]] = []
        for file in self._files():
            try:
                for member in json.loads(file.read_bytes())["keys"]:
                    entries.append(_imported(member, self._private))
            except (OSError, ValueError, KeyError, TypeError):
                # The cause could quote a private key, so only the file is named.
                raise KeysUnreadable(f"{file} is not a set of sealing keys") from None
        found: dict[KeyPurpose, dict[str, OKPKey]] = {}
        for _, purpose, kid, key in sorted(entries, key=lambda entry: entry[0]):
            found.setdefault(purpose, {})[kid] = key
        return found


def _imported(member: Mapping[str, Any], private: bool) -> tuple[datetime, KeyPurpose, str, OKPKey]:
    kid, purpose, created = member["kid"], member["purpose"], _instant(member["created"])
    fits = member["kty"] == "OKP" and member["crv"] == "X25519" and member["use"] == "enc"
    named = isinstance(kid, str) and _KID.fullmatch(kid)
    if not (fits and named and purpose in _KEY_OF.values() and ("d" in member) is private):
        raise ValueError
    raw = {name: member[name] for name in ("kty", "crv", "x", "d", "use", "kid") if name in member}
    key = OKPKey.import_key(raw)
    if _unpadded(key.public_key.public_bytes_raw()) != member["x"]:
        raise ValueError
    return created, purpose, kid, key


def _instant(text: str) -> datetime:
    created = datetime.fromisoformat(text)
    if created.tzinfo is None:
        raise ValueError
    return created


def new_key(
    purpose: KeyPurpose, kid: str, created: datetime
) -> tuple[dict[str, Any], dict[str, Any]]:
    """A fresh key as JWKs with our members: (public, private)."""
    extra = {
        "use": "enc",
        "alg": _ALG,
        "kid": kid,
        "purpose": purpose,
        "created": created.isoformat(),
    }
    key = OKPKey.generate_key("X25519")
    return key.as_dict(private=False) | extra, key.as_dict(private=True) | extra


class Sealer:
    """Seals for a purpose with that purpose's current public key; can open nothing."""

    def __init__(self, public_keys: KeyFile) -> None:
        self._keys = public_keys

    @classmethod
    def from_files(cls, *paths: Path, recheck_seconds: float = _RECHECK_SECONDS) -> "Sealer":
        return cls(KeyFile(paths, private=False, recheck_seconds=recheck_seconds))

    def seal(self, purpose: Purpose, payload: bytes, *, context: str) -> str:
        """A compact JWE that opens only for the same purpose and context (a concern id)."""
        return self.together().seal(purpose, payload, context=context)

    def together(self) -> "Together":
        return Together(self._keys.keys())


class Together:
    """Seals what one submission holds, with one key agreement for each key it is sealed to.

    Purpose and context enter the derived key, so each seal still has a wrapping key of its own.
    """

    def __init__(self, keys: Mapping[KeyPurpose, dict[str, OKPKey]]) -> None:
        self._keys = keys
        self._agreed: dict[KeyPurpose, _Agreement] = {}

    def seal(self, purpose: Purpose, payload: bytes, *, context: str) -> str:
        if not context or len(context) > _MAX_CONTEXT or len(payload) > _MAX_PAYLOAD:
            raise ValueError("the context or the payload is of an impossible size")
        to = _KEY_OF[purpose]
        keys = self._keys.get(to)
        if not keys:
            raise KeysUnreadable(f"no public key to seal {purpose}")
        if to not in self._agreed:
            self._agreed[to] = _agreed(*next(reversed(keys.items())))
        return _sealed(self._agreed[to], payload, context, purpose)


@dataclass(frozen=True, slots=True)
class _Agreement:
    """A fresh ephemeral key, as it is told, and the secret it shares with the key `kid`."""

    kid: str
    ephemeral: str
    shared: bytes


def _agreed(kid: str, key: OKPKey) -> _Agreement:
    to, ephemeral = cast("X25519PublicKey", key.public_key), X25519PrivateKey.generate()
    told = _unpadded(ephemeral.public_key().public_bytes_raw())
    return _Agreement(kid, told, ephemeral.exchange(to))


def _sealed(agreement: _Agreement, payload: bytes, context: str, purpose: str) -> str:
    """A compact JWE (RFC 7516) by the primitives alone, in half of the opening library's time."""
    header = {
        "alg": _ALG,
        "enc": _ENC,
        "kid": agreement.kid,
        "apu": _b64(context),
        "apv": _b64(purpose),
        "epk": {"kty": "OKP", "crv": "X25519", "x": agreement.ephemeral},
    }
    protected = _unpadded(orjson.dumps(header))
    content_key, nonce = os.urandom(32), os.urandom(12)
    wrapped = aes_key_wrap(_wrapping_key(agreement.shared, context, purpose), content_key)
    sealed = AESGCM(content_key).encrypt(nonce, payload, protected.encode())
    text, tag = sealed[:-16], sealed[-16:]
    return ".".join((protected, *map(_unpadded, (wrapped, nonce, text, tag))))


def _wrapping_key(shared: bytes, context: str, purpose: str) -> bytes:
    """Concat KDF (RFC 7518, 4.6.2); one round of SHA-256 gives the 256 bits of A256KW."""
    parties = (_ALG.encode(), context.encode(), purpose.encode())
    told = b"".join(struct.pack(">I", len(part)) + part for part in parties)
    bits = struct.pack(">I", 256)
    return hashlib.sha256(struct.pack(">I", 1) + shared + told + bits).digest()


class Opener:
    """Opens what was sealed to the private keys it holds, where it was sealed for, and no more."""

    def __init__(self, private_keys: KeyFile) -> None:
        self._keys = private_keys

    @classmethod
    def from_files(cls, *paths: Path, recheck_seconds: float = _RECHECK_SECONDS) -> "Opener":
        return cls(KeyFile(paths, private=True, recheck_seconds=recheck_seconds))

    def open(self, purpose: Purpose, blob: str, *, context: str) -> bytes:
        keys = self._keys.keys().get(_KEY_OF[purpose], {})
        try:
            plain = _opened(keys, purpose, blob, context)
        except Exception:  # noqa: BLE001 - a forged blob fails in many ways; all mean the same
            plain = None
        # Raised outside the handler, so that no cause is chained to it.
        if plain is None:
            raise SealBroken
        return plain


def _opened(keys: Mapping[str, OKPKey], purpose: str, blob: str, context: str) -> bytes | None:
    head = blob.split(".", 1)[0]
    if len(head) > _REGISTRY.max_protected_header_length:
        return None
    header = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    # apu and apv enter both the derived key and the authenticated header: a blob moved to another
    # concern or purpose stays closed even for one who edits the header.
    bound = header["apu"] == _b64(context) and header["apv"] == _b64(purpose)
    if set(header) != _HEADER or not bound:
        return None
    return jwe.decrypt_compact(blob, keys[header["kid"]], registry=_REGISTRY).plaintext


def account_ref(secret: bytes, account: str) -> str:
    """What stands for an account in events: the same for the same account, meaningless outside."""
    return _keyed(secret, "account", account)


def match_key(secret: bytes, kind: str, normalised: str) -> str:
    """What two concerns about one child share (kind: upn, nhs_number, name_dob, address)."""
    return _keyed(secret, f"match:{kind}", normalised)


def _keyed(secret: bytes, domain: str, value: str) -> str:
    if len(secret) < _MIN_SECRET:
        raise ValueError("a keying secret has at least 32 bytes")
    # Half a surrogate pair, which JSON can carry, must not make a concern fail.
    message = domain.encode() + b"\0" + value.encode("utf-8", "surrogatepass")
    return _unpadded(hmac.digest(secret, message, hashlib.sha256))


def _b64(text: str) -> str:
    return _unpadded(text.encode())


def _unpadded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
