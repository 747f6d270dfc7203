"""Mail leaves only over a connection that nobody can read or answer in the server's place."""

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from notify.delivery import WHOLE_SECONDS, hand_over
from notify.sender import LEASE
from notify.settings import Smtp
from tests.journey.notify.conftest import Server


def message() -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = (
        "notices@handrail.example",
        "dsl@school.example",
        "s",
    )
    mail.set_content("text")
    return mail


def self_signed(directory: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, SHA256())
    )
    file = directory / "server.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(private + certificate.public_bytes(Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


async def test_a_server_that_cannot_encrypt_gets_no_mail(server: Server) -> None:
    # Any address but the three names of loopback is taken for the network.
    listening = await asyncio.get_running_loop().create_server(
        lambda: SMTP(server, hostname="open"), "127.0.0.2", 0
    )
    port = listening.sockets[0].getsockname()[1]
    outcome = await hand_over(message(), Smtp(f"smtp://127.0.0.2:{port}"))
    listening.close()
    assert (outcome.kind, server.recipients) == ("later", [])


async def test_a_server_with_a_certificate_nobody_vouches_for_gets_no_mail(
    server: Server, tmp_path: Path
) -> None:
    listening = await asyncio.get_running_loop().create_server(
        lambda: SMTP(server, hostname="forged"), "127.0.0.1", 0, ssl=self_signed(tmp_path)
    )
    port = listening.sockets[0].getsockname()[1]
    outcome = await hand_over(message(), Smtp(f"smtps://127.0.0.1:{port}"))
    listening.close()
    assert (outcome.kind, outcome.code, server.recipients) == ("later", "unreachable", [])


async def test_a_refused_login_is_ours_to_put_right_and_not_the_recipient_s(
    server: Server,
) -> None:
    outcome = await hand_over(message(), Smtp(server.url.replace("smtp://", "smtp://user:wrong@")))
    assert (outcome.kind, server.recipients) == ("later", [])


async def test_a_server_that_refuses_our_own_address_is_ours_to_put_right(server: Server) -> None:
    async def refuse(*_: object) -> str:
        return "550 Sender not known here"

    server.handle_MAIL = refuse  # type: ignore[attr-defined]
    outcome = await hand_over(message(), Smtp(server.url))
    assert (outcome.kind, outcome.code) == ("later", "smtp_550")


async def test_a_server_that_is_slow_at_every_step_is_left_before_the_claim_ends(
    server: Server,
) -> None:
    async def slow(
        _server: SMTP, _session: Session, envelope: Envelope, address: str, _: Any
    ) -> str:
        await asyncio.sleep(0.3)
        envelope.mail_from = address
        return "250 Yes"

    server.handle_MAIL = slow  # type: ignore[attr-defined]
    outcome = await hand_over(message(), Smtp(server.url), within=0.2)
    assert (outcome.kind, outcome.code, server.recipients) == ("later", "unreachable", [])
    assert timedelta(seconds=WHOLE_SECONDS) < LEASE
