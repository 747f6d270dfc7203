"""Forges and signs tokens by hand, so that a test can make any that an attacker could."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

ISSUER, AUDIENCE = "https://issuer.example", "handrail"
NOW = datetime(2026, 4, 7, 9, tzinfo=UTC)
T = int(NOW.timestamp())

EC_KEY = ec.generate_private_key(ec.SECP256R1())
OTHER_EC_KEY = ec.generate_private_key(ec.SECP256R1())
P384_KEY = ec.generate_private_key(ec.SECP384R1())
RSA_KEY = rsa.generate_private_key(65537, 2048)
WEAK_RSA_KEY = rsa.generate_private_key(65537, 1024)
ED_KEY = ed25519.Ed25519PrivateKey.generate()


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def encoded(value: object) -> str:
    return b64(json.dumps(value).encode())


def number(value: int, size: int | None = None) -> str:
    return b64(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


def ec_jwk(key: ec.EllipticCurvePrivateKey, kid: str, **extra: Any) -> dict[str, Any]:
    numbers = key.public_key().public_numbers()
    size = (key.key_size + 7) // 8
    point = {"x": number(numbers.x, size), "y": number(numbers.y, size)}
    curve = {"crv": f"P-{key.key_size}"}
    return {"kty": "EC", "kid": kid, "use": "sig", "alg": "ES256"} | curve | point | extra


def rsa_jwk(key: rsa.RSAPrivateKey, kid: str, **extra: Any) -> dict[str, Any]:
    numbers = key.public_key().public_numbers()
    parts = {"n": number(numbers.n), "e": number(numbers.e)}
    return {"kty": "RSA", "kid": kid, "use": "sig", "alg": "RS256"} | parts | extra


JWKS: dict[str, list[dict[str, Any]]] = {
    "keys": [
        ec_jwk(EC_KEY, "good"),
        ec_jwk(EC_KEY, "for-sealing", use="enc"),
        ec_jwk(EC_KEY, "other-alg", alg="ES384"),
        ec_jwk(P384_KEY, "p384"),
        rsa_jwk(RSA_KEY, "rsa"),
        {"kty": "oct", "kid": "symmetric", "use": "sig", "alg": "HS256", "k": b64(b"k" * 32)},
    ]
}


def claims(**changes: Any) -> dict[str, Any]:
    """Good claims; a change to `...` leaves the claim out."""
    good = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "demo-mis",
        "client_id": "demo-mis",
        "iat": T,
        "exp": T + 3600,
        "grants": [{"role": "mis", "urn": "999001"}],
    }
    return {name: value for name, value in (good | changes).items() if value is not ...}


def header(**changes: Any) -> dict[str, Any]:
    good = {"alg": "ES256", "typ": "at+jwt", "kid": "good"}
    return {name: value for name, value in (good | changes).items() if value is not ...}


def es256(message: bytes, key: ec.EllipticCurvePrivateKey = EC_KEY) -> bytes:
    r, s = decode_dss_signature(key.sign(message, ec.ECDSA(hashes.SHA256())))
    size = (key.key_size + 7) // 8
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def rs256(message: bytes, key: rsa.RSAPrivateKey = RSA_KEY) -> bytes:
    return key.sign(message, padding.PKCS1v15(), hashes.SHA256())


def hs256(message: bytes, secret: bytes) -> bytes:
    return hmac.digest(secret, message, hashlib.sha256)


def der() -> bytes:
    return EC_KEY.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def pem() -> bytes:
    return EC_KEY.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def signed(head: str, body: str, signature: bytes | None = None) -> str:
    """A token of two already encoded parts, with the good key's signature unless given one."""
    made = es256(f"{head}.{body}".encode()) if signature is None else signature
    return f"{head}.{body}.{b64(made)}"


def token(changed_header: dict[str, Any] | None = None, **changed_claims: Any) -> str:
    return signed(encoded(header(**(changed_header or {}))), encoded(claims(**changed_claims)))


def raw(head: bytes | None = None, body: bytes | None = None) -> str:
    """A correctly signed token of any bytes."""
    good_head, good_body = json.dumps(header()).encode(), json.dumps(claims()).encode()
    return signed(b64(head or good_head), b64(body or good_body))
