"""A notice says that there is something to do, where, and nothing else."""

import re
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from pathlib import Path
from uuid import UUID

import pytest

from notify import message
from notify.settings import Smtp

TASK = UUID("c2a9e0d4-1f3b-4a6c-b7d8-5e9f0a1b2c3d")
CASE = UUID("3f8b7c1e-5a0d-4c57-9d3e-0c6f5b1a2d44")
NOTICE = UUID("01932b5e-0000-7000-8000-0000000000aa")
TEMPLATES = sorted(
    file.stem
    for file in (Path(message.__file__).parent / "templates").glob("*.txt")
    if not file.name.startswith("_")
)


def written(template: str, *, synthetic: bool = False) -> EmailMessage:
    return message.write(
        template,
        notice_id=NOTICE,
        reference=message.reference_of(TASK, CASE),
        link=message.link_to("https://handrail.example", TASK, CASE),
        synthetic=synthetic,
        mail_from="notices@handrail.example",
        to="dsl@school.example",
        at=datetime(2026, 11, 24, 10, tzinfo=UTC),
    )


@pytest.mark.parametrize("template", TEMPLATES)
def test_it_has_the_reference_the_link_and_what_to_do_without_the_link(template: str) -> None:
    mail = written(template)
    body = mail.get_content()
    assert "T-0A1B2C3D" in mail["Subject"]
    assert f"https://handrail.example/tasks/{TASK}" in body
    assert "phone 999" in body
    assert "phone the designated safeguarding lead" in body


@pytest.mark.parametrize("template", TEMPLATES)
def test_it_tells_neither_priority_nor_kind_nor_place(template: str) -> None:
    text = written(template)["Subject"] + written(template).get_content()
    told = re.findall(
        r"\bP[0-4]\b|MASH|FGM|LADO|abuse|harm|pupil|urgent|police", text, re.IGNORECASE
    )
    assert told == []


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_drill_says_so_first_of_all(template: str) -> None:
    mail = written(template, synthetic=True)
    assert mail["Subject"].startswith("DRILL: do not call")
    assert mail.get_content().startswith("DRILL: do not call")
    assert "DRILL" not in written(template)["Subject"] + written(template).get_content()


def test_the_headers_name_no_person_and_ask_for_no_answer() -> None:
    mail = written("task_opened")
    assert mail["To"] == "dsl@school.example"
    assert mail["From"] == "notices@handrail.example"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Message-ID"] == f"<{NOTICE}@handrail.example>"


def test_what_is_sent_is_read_back_the_same() -> None:
    mail = written("task_passed_on", synthetic=True)
    again = message_from_bytes(mail.as_bytes(), _class=EmailMessage, policy=mail.policy)
    assert again["Subject"] == mail["Subject"]
    assert again.get_content().splitlines() == mail.get_content().splitlines()
    assert max(len(line) for line in mail.as_bytes().split(b"\r\n")) <= 998


def test_an_address_cannot_add_a_header() -> None:
    with pytest.raises(ValueError, match=r"linefeed|newline|invalid"):
        message.write(
            "task_opened",
            notice_id=NOTICE,
            reference="r",
            link="l",
            synthetic=False,
            mail_from="notices@handrail.example",
            to="dsl@school.example\r\nBcc: other@example.net",
            at=datetime(2026, 11, 24, 10, tzinfo=UTC),
        )


@pytest.mark.parametrize(
    ("url", "tls", "start_tls", "port"),
    [
        ("smtp://mail.example", False, True, 587),
        ("smtps://mail.example", True, False, 465),
        ("smtps://u:p%40ss@mail.example:2465", True, False, 2465),
        ("smtp://127.0.0.1:2525", False, False, 2525),
        ("smtp://localhost:2525", False, False, 2525),
    ],
)
def test_mail_leaves_this_machine_only_over_tls(
    url: str, tls: bool, start_tls: bool, port: int
) -> None:
    smtp = Smtp(url)
    assert (smtp.tls, smtp.start_tls, smtp.port) == (tls, start_tls, port)


def test_a_password_may_hold_any_character() -> None:
    smtp = Smtp("smtps://user:p%40ss%3A@mail.example")
    assert (smtp.user, smtp.password) == ("user", "p@ss:")
