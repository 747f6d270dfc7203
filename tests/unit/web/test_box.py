"""What a sign-in leaves behind opens with its own cookie, for its own use and no other."""

from shared.web.signin import box

CONTENT = {"subject": "someone", "fields": [["reason", "words"]]}


def test_what_is_sealed_opens_with_the_same_secret_for_the_same_use() -> None:
    secret = box.new_secret()
    assert box.unseal(secret, "session", box.seal(secret, "session", CONTENT)) == CONTENT


def test_it_opens_with_no_other_secret_for_no_other_use_and_not_when_changed() -> None:
    secret = box.new_secret()
    sealed = box.seal(secret, "session", CONTENT)
    assert box.unseal(box.new_secret(), "session", sealed) is None
    assert box.unseal(secret, "form", sealed) is None
    assert box.unseal(secret, "session", sealed[:-1] + bytes([sealed[-1] ^ 1])) is None
    assert box.unseal(secret, "session", b"") is None
    assert b"someone" not in sealed


def test_secrets_are_long_and_never_the_same() -> None:
    made = {box.new_secret() for _ in range(1000)}
    assert len(made) == 1000
    assert all(box.is_secret(secret) for secret in made)
    assert not any(box.is_secret(text) for text in ("", "x", "é" * 43))
