"""Hands one message to the mail server, and reads its answer: sent, try again later, or never."""

import asyncio
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Literal

import aiosmtplib

from notify.settings import Smtp

# Of one answer of the server, and of all it takes: well below the lease of a claim, so that two
# senders never work on one notice, and the one that sent it is the one that says so.
ANSWER_SECONDS = 10.0
WHOLE_SECONDS = 45.0
_TEMPORARY_BELOW = 500


@dataclass(frozen=True, slots=True)
class Outcome:
    """code: for people and events; it never holds what the server said, which may be personal."""

    kind: Literal["sent", "later", "never"]
    code: str | None = None


SENT = Outcome("sent")


async def hand_over(message: EmailMessage, smtp: Smtp, *, within: float = WHOLE_SECONDS) -> Outcome:
    """within: seconds that connecting and every answer may take together."""
    try:
        async with asyncio.timeout(within):
            await _send(message, smtp)
    except aiosmtplib.SMTPRecipientsRefused as refused:
        return _answered(refused.recipients[0].code)
    except (
        aiosmtplib.SMTPAuthenticationError,
        aiosmtplib.SMTPConnectResponseError,
        aiosmtplib.SMTPHeloError,
        aiosmtplib.SMTPSenderRefused,
    ) as error:
        # The server refuses us, not this message: ours to put right, and then it can go.
        return Outcome("later", f"smtp_{error.code}")
    except aiosmtplib.SMTPResponseException as error:
        return _answered(error.code)
    except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
        return Outcome("later", _UNREACHED.get(type(error), "unreachable"))
    except ValueError:
        # The address cannot be put into a header.
        return Outcome("never", "address_invalid")
    return SENT


async def _send(message: EmailMessage, smtp: Smtp) -> None:
    await aiosmtplib.send(
        message,
        hostname=smtp.host,
        port=smtp.port,
        username=smtp.user,
        password=smtp.password,
        use_tls=smtp.tls,
        start_tls=smtp.start_tls,
        # Otherwise the machine's name is asked of DNS, which blocks, and told to the server.
        local_hostname=str(message["From"]).rpartition("@")[2],
        timeout=ANSWER_SECONDS,
    )


_UNREACHED: dict[type[BaseException], str] = {aiosmtplib.SMTPNotSupported: "not_supported"}


def _answered(code: int) -> Outcome:
    kind: Literal["later", "never"] = "later" if code < _TEMPORARY_BELOW else "never"
    return Outcome(kind, f"smtp_{code}")
