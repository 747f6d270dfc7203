"""The demo's mail page shows what arrived, as text, and forgets the oldest."""

from email.message import EmailMessage

import httpx2
from fastapi import FastAPI

from handrail.mailsink import MailSink, mail_router
from notify.delivery import hand_over
from notify.settings import Smtp


async def test_mail_is_shown_escaped_and_only_the_newest_is_kept() -> None:
    sink = MailSink(capacity=2)
    await sink.start()
    for number in range(3):
        mail = EmailMessage()
        mail["From"], mail["To"] = "notices@handrail.example", "dsl@school.example"
        mail["Subject"] = f"<script>alert({number})</script>"
        mail.set_content(f"<img src=x onerror=alert({number})>")
        assert (await hand_over(mail, Smtp(sink.url))).kind == "sent"
    await sink.stop()
    app = FastAPI()
    app.include_router(mail_router(sink))
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://demo") as http:
        page = await http.get("/mail")
        mails = (await http.get("/mail.json")).json()["mails"]
    assert "<script>" not in page.text
    assert "<img" not in page.text
    assert "&lt;script&gt;alert(2)" in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert [mail["body"].strip()[-3] for mail in mails] == ["2", "1"]
