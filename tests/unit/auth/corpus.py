"""Tokens that an issuer, a mistake or an attacker could send, and whether each may be believed."""

import json

from tests.unit.auth.tokens import (
    AUDIENCE,
    ED_KEY,
    OTHER_EC_KEY,
    P384_KEY,
    T,
    b64,
    claims,
    der,
    ec_jwk,
    encoded,
    es256,
    header,
    hs256,
    pem,
    raw,
    rs256,
    signed,
    token,
)

HEAD, BODY = encoded(header()), encoded(claims())
MESSAGE = f"{HEAD}.{BODY}".encode()
GOOD = signed(HEAD, BODY)
_SIGNATURE = es256(MESSAGE)


def _with(head: dict[str, object], sign: object) -> str:
    first = encoded(header(**head))
    assert callable(sign)
    return signed(first, BODY, sign(f"{first}.{BODY}".encode()))


def _duplicate(name: str, value: object) -> bytes:
    text = json.dumps(claims())
    return (text[:-1] + f', "{name}": {json.dumps(value)}}}').encode()


ACCEPTED = {
    "the good one": GOOD,
    "typ JWT": token({"typ": "JWT"}),
    "typ with its full media type": token({"typ": "application/at+jwt"}),
    "one of several audiences": token(aud=["another", AUDIENCE]),
    "expired within the leeway": token(exp=T - 20, iat=T - 60),
    "issued a moment ahead of our clock": token(iat=T + 20),
    "exp with a fraction": token(exp=T + 60.5),
    "nbf in the past": token(nbf=T - 5),
    "nbf within the leeway": token(nbf=T + 20),
    "unknown claims": token(jti="x", acr="y", amr=["z"]),
    "jku to an attacker, signed by the good key": token({"jku": "https://evil.example/jwks"}),
    "an embedded jwk, signed by the good key": token({"jwk": ec_jwk(OTHER_EC_KEY, "good")}),
    "x5u to an attacker, signed by the good key": token({"x5u": "https://evil.example/x5u"}),
    "azp for client_id": token(client_id=..., azp="demo-mis"),
}

FORGED = {
    "HS256 keyed with the public key in DER": _with({"alg": "HS256"}, lambda m: hs256(m, der())),
    "HS256 keyed with the public key in PEM": _with({"alg": "HS256"}, lambda m: hs256(m, pem())),
    "HS256 keyed with PEM without its last newline": _with(
        {"alg": "HS256"}, lambda m: hs256(m, pem().strip())
    ),
    "HS256 keyed with the JWK as JSON": _with(
        {"alg": "HS256"}, lambda m: hs256(m, json.dumps(ec_jwk(OTHER_EC_KEY, "good")).encode())
    ),
    "HS256 keyed with nothing": _with({"alg": "HS256"}, lambda m: hs256(m, b"")),
    "HS256 with a symmetric key of the set": _with(
        {"alg": "HS256", "kid": "symmetric"}, lambda m: hs256(m, b"k" * 32)
    ),
    "HS512 claimed": _with({"alg": "HS512"}, lambda m: hs256(m, der())),
    "alg none, no signature": f"{encoded(header(alg='none'))}.{BODY}.",
    "alg none with a signature": _with({"alg": "none"}, es256),
    "alg None in capitals": f"{encoded(header(alg='nOnE'))}.{BODY}.",
    "no alg": _with({"alg": ...}, es256),
    "alg in lower case": _with({"alg": "es256"}, es256),
    "alg as a list": _with({"alg": ["ES256"]}, es256),
    "RS256, truly signed, where ES256 is set": _with({"alg": "RS256", "kid": "rsa"}, rs256),
    "RS256 naming the EC key": _with({"alg": "RS256"}, rs256),
    "ES256 naming the RSA key": _with({"kid": "rsa"}, es256),
    "ES256 on the P-384 key": _with({"kid": "p384"}, lambda m: es256(m, P384_KEY)),
    "ES384 claimed": _with({"alg": "ES384"}, es256),
    "EdDSA": _with({"alg": "EdDSA"}, ED_KEY.sign),
    "another key under the good kid": _with({}, lambda m: es256(m, OTHER_EC_KEY)),
    "another key, embedded": _with(
        {"jwk": ec_jwk(OTHER_EC_KEY, "good")}, lambda m: es256(m, OTHER_EC_KEY)
    ),
    "another key, by jku": _with(
        {"jku": "https://evil.example/jwks"}, lambda m: es256(m, OTHER_EC_KEY)
    ),
    "an unknown kid": token({"kid": "other"}),
    "no kid": token({"kid": ...}),
    "kid as a number": token({"kid": 1}),
    "kid as a list": token({"kid": ["good"]}),
    "an empty kid": token({"kid": ""}),
    "a key meant for encryption": token({"kid": "for-sealing"}),
    "a key meant for another algorithm": token({"kid": "other-alg"}),
    "crit with an unknown name": token({"crit": ["exp"], "exp": T + 60}),
    "crit b64": token({"crit": ["b64"], "b64": False}),
    "an empty crit": token({"crit": []}),
    "no typ": token({"typ": ...}),
    "typ of an id token's kin": token({"typ": "logout+jwt"}),
    "typ as a list": token({"typ": ["JWT"]}),
    "a signature cut short": signed(HEAD, BODY, _SIGNATURE[:-1]),
    "a signature with one bit changed": signed(
        HEAD, BODY, bytes([_SIGNATURE[0] ^ 1]) + _SIGNATURE[1:]
    ),
    "a signature of zeros": signed(HEAD, BODY, bytes(64)),
    "an empty signature": f"{HEAD}.{BODY}.",
    "another's claims under a good signature": f"{HEAD}.{encoded(claims(sub='head'))}."
    + GOOD.split(".")[2],
    "two parts": f"{HEAD}.{BODY}",
    "four parts": f"{GOOD}.{BODY}",
    "no part": "",
    "no token but words": "this is not a token",
    "a header that is a list": raw(head=b"[]"),
    "a header that is not JSON": raw(head=b"{alg}"),
    "a header that is not UTF-8": raw(head=b"\xff\xfe{}"),
    "huge": token(padding="x" * 9000),
}

UNFIT = {
    "no aud": token(aud=...),
    "aud null": token(aud=None),
    "another's aud": token(aud="another"),
    "an empty list of aud": token(aud=[]),
    "aud as a number": token(aud=1),
    "aud as an object": token(aud={AUDIENCE: True}),
    "aud as nested lists": token(aud=[[AUDIENCE]]),
    "aud with a number among strings": token(aud=[AUDIENCE, 1]),
    "aud that only contains ours": token(aud=f"{AUDIENCE}-staging"),
    "no iss": token(iss=...),
    "another's iss": token(iss="https://evil.example"),
    "iss with a final slash": token(iss="https://issuer.example/"),
    "iss as a list": token(iss=["https://issuer.example"]),
    "no sub": token(sub=...),
    "sub as a number": token(sub=7),
    "an empty sub": token(sub=""),
    "sub null": token(sub=None),
    "no exp": token(exp=...),
    "expired": token(exp=T - 60, iat=T - 600),
    "expired to the leeway's second": token(exp=T - 30, iat=T - 600),
    "exp as a string": token(exp=str(T + 60)),
    "exp as a list": token(exp=[T + 60]),
    "exp null": token(exp=None),
    "exp true": token(exp=True),
    "exp NaN": raw(body=json.dumps(claims(exp=float("nan"))).encode()),
    "exp infinite": raw(body=json.dumps(claims(exp=float("inf"))).encode()),
    "exp beyond a float": raw(
        body=json.dumps(claims(exp=1)).replace('"exp": 1', '"exp": 1e999').encode()
    ),
    "no iat": token(iat=...),
    "issued in the future": token(iat=T + 120, exp=T + 600),
    "iat as a string": token(iat=str(T)),
    "not before the future": token(nbf=T + 120),
    "issued in the future though valid before": token(iat=T + 120, nbf=T - 5, exp=T + 600),
    "nbf as a string": token(nbf="now"),
    "nbf true": token(nbf=True),
    "living 13 hours": token(exp=T + 13 * 3600),
    "living for ever": token(exp=T + 10**15),
    "expiring before it was issued": token(iat=T + 20, exp=T + 10),
    "claims that are a list": raw(body=b"[]"),
    "claims that are a string": raw(body=b'"sub"'),
    "claims that are not JSON": raw(body=b"sub=1"),
    "claims that are not UTF-8": raw(body=b'{"sub": "\xff"}'),
    "no client": token(client_id=...),
    "two clients": token(azp="another"),
    "grants as an object": token(grants={"role": "mis"}),
    "a narrowing that is misspelt": token(grants=[{"role": "mis", "URN": "999001"}]),
    "a narrowing to a list": token(grants=[{"role": "mis", "urn": ["999001"]}]),
}

# Here ours is deliberately the stricter: two readers could believe different things of these.
STRICTER = {
    "sub given twice": raw(body=_duplicate("sub", "demo-mis")),
    "exp given twice": raw(body=_duplicate("exp", T + 60)),
    "alg given twice": raw(head=(json.dumps(header())[:-1] + ', "alg": "ES256"}').encode()),
    "a token nested in a token": token({"cty": "JWT"}),
    "NaN in a claim nobody reads": raw(body=json.dumps(claims(other=float("nan"))).encode()),
}

REFUSED = FORGED | UNFIT
NOT_BASE64 = {
    "padded parts": f"{HEAD}=.{BODY}.{b64(_SIGNATURE)}",
    "a signature spelt another way": GOOD[:-1] + chr(ord(GOOD[-1]) + 1),
    "a stray character in the signature": GOOD[:-5] + "*" + GOOD[-5:],
    "a line's end behind it": GOOD + "\n",
    "white space within": GOOD.replace(".", ". ", 1),
    "the ordinary alphabet": GOOD[:-5] + "+/" + GOOD[-3:],
}
