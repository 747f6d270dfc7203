"""Says one concern's marks in every way that a request can, well and badly."""

import asyncio
import json
import socket
from typing import Any
from uuid import UUID

import asyncpg
import httpx2
import orjson

from tests.faults.issuer import Issuer
from tests.journey.privacy.conftest import Installation
from tests.journey.privacy.marks import CLIENT, LA, URN, Marks

SANDBOX = "sandbox-mis"
REAL_URN = "118222"
_GRANT = """
INSERT INTO intake.grant_row (id, client, role, urn, valid_from, given_by_ref, given_at, sandbox,
    synthetic)
VALUES (gen_random_uuid(), $1, 'mis', $2, now() - interval '1 day', 'head', now(), true, true)
"""
_CUT_OFF = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname = 'handrail' AND pid <> pg_backend_pid()"
)


class Saying:
    """answers: all that came back."""

    def __init__(self, at: Installation, marks: Marks) -> None:
        self.at, self.marks = at, marks
        self.answers: list[httpx2.Response] = []
        self._keys = 0

    @property
    def odd_headers(self) -> dict[str, str]:
        mark = self.marks["Header"]
        names = ("user-agent", "tracestate", "baggage", "referer", "origin", "cookie", "forwarded")
        return dict.fromkeys((*names, "x-request-id", "accept-language", "x-forwarded-for"), mark)

    async def ask(
        self, service: str, method: str, path: str, headers: dict[str, str], **how: Any
    ) -> httpx2.Response:
        told = self.odd_headers | {"traceparent": self.marks["Trace"]} | headers
        answer = await self.at.ask(service, method, path, told, **how)
        self.answers.append(answer)
        return answer

    async def post(self, body: Any, key: str | None = None, **headers: str) -> httpx2.Response:
        self._keys += 1
        told = self.at.issuer.client(CLIENT) | {"Content-Type": "application/json"}
        told["Idempotency-Key"] = key or f"{self.marks['Key']}-{self._keys}"
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.ask("intake", "POST", "/v1/concerns", told | headers, content=content)

    async def everything(self) -> UUID:
        concern = await self.well()
        await self.oddly()
        await self.badly()
        await self.without_authority()
        await self.of_a_case(concern)
        await self.in_addresses()
        await self.in_flight()
        await self.to_the_wire()
        await self.while_the_database_is_away()
        return concern

    async def well(self) -> UUID:
        marks, issuer = self.marks, self.at.issuer
        first = await self.post(marks.body(), "one")
        concern = UUID(first.json()["concerns"][0]["concern_id"])
        await self.post(marks.body(), "one")
        await self.post(marks.body(narrative=f"{marks['Narrative']} again"), "one")
        amendment, client = f"/v1/concerns/{concern}/amendments", issuer.client(CLIENT)
        more = {"narrative": marks["Issue"], "facts": {"weapon": "yes", marks["Fact"]: 1}}
        await self.ask("intake", "POST", amendment, client, json=more)
        batch = {"concerns": [marks.body(), {"idempotency_key": marks["Key"]}, marks["Member"]]}
        await self.ask("intake", "POST", "/v1/concerns/batch", client, json=batch)
        asked = marks.body() | {"audience": marks["Audience"]}
        await self.ask("intake", "POST", "/v1/disclosure-requests", client, json=asked)
        account = f"{marks['Account']}@school.example"
        person = issuer.person(account, role="reporter", urn=URN)
        await self.ask("intake", "POST", "/v1/concerns", person, json=marks.body())
        return concern

    async def oddly(self) -> None:
        """Accepted all the same: what cannot be read is sealed, and nowhere said again."""
        marks = self.marks
        await self.post(marks.body(children=[marks["Given"], {"name": marks["Family"]}, 7]))
        await self.post(marks.body(children={marks["Member"]: marks["Given"]}, facts=marks["Fact"]))
        accused = {
            "role": "subject_of_allegation",
            "staff_ref": marks["Staff"],
            "name": marks["Carer"],
        }
        await self.post(marks.body(people=[accused, {"role": marks["Member"]}]))
        await self.post(marks.body(school={"urn": marks["School"]}))
        await self.post(marks.body(occurred_at=marks["Member"], discovered_at=marks["Member"]))
        await self.post(marks.body(narrative=f"\0{marks['Narrative']}", source_record_id="\0"))
        surrogate = orjson.dumps(marks.body(narrative="LONE")).replace(b"LONE", b"\\ud800")
        await self.post(surrogate)
        await self.post(
            marks.body() | {"facts": {"age_years": 10**30, "concern_types": [marks["Fact"]]}}
        )
        await self.post(
            orjson.dumps(marks.body())[:-1]
            + b',"narrative":"'
            + marks["Narrative"].encode()
            + b'"}'
        )
        for media in (
            "text/plain",
            f"text/{marks['Media']}",
            f"application/json; x={marks['Media']}",
        ):
            await self.post(marks.body(), **{"Content-Type": media})
        image = f"data:image/png;name={marks['Media']};base64,{'QUJD' * 400}"
        await self.post(marks.body(narrative=image))
        await self.post(marks.body(), Prefer=f"handling={marks['Header']}")
        await self.post(marks.body(), key=marks["Key"] * 30)

    async def badly(self) -> None:
        marks = self.marks
        await self.post(orjson.dumps(marks.body())[:-1])
        await self.post(marks["Narrative"].encode())
        await self.post(orjson.dumps(marks.body()).replace(b"said", b"\xff\xfe"))
        await self.post(b"[" * 3000 + marks["Narrative"].encode())
        await self.post(marks.body(narrative=f"{marks['Narrative']} " * 20_000))
        form = f'--x\r\nContent-Disposition: form-data; filename="{marks["Media"]}"\r\n\r\n'
        await self.post(form.encode(), **{"Content-Type": "multipart/form-data; boundary=x"})
        await self.at.sql(_GRANT, SANDBOX, URN)
        strict = self.at.issuer.client(SANDBOX) | {"Prefer": "handling=strict"}
        await self.ask("intake", "POST", "/v1/concerns", strict, json=marks.body())
        client = self.at.issuer.client(CLIENT)
        await self.ask("intake", "POST", "/v1/concerns/batch", client, json=marks["Member"])
        not_an_id = {"concern_id": marks["Record"]}
        await self.ask("intake", "POST", "/v1/disclosure-requests", client, json=not_an_id)
        head = self.at.issuer.person(marks["Account"], role="head", urn=REAL_URN)
        for grant in (
            {
                "account": marks["Account"],
                "staff_ref": marks["Staff"],
                "role": "dsl",
                "urn": REAL_URN,
            },
            {"role": marks["Member"], "urn": marks["School"], marks["Member"]: marks["Member"]},
        ):
            await self.ask("intake", "POST", "/v1/grants", head, json=grant)

    async def without_authority(self) -> None:
        marks, stranger = self.marks, Issuer()
        stranger.start()
        for token in (
            {},
            {"Authorization": f"Bearer {marks['Token']}"},
            {"Authorization": f"Basic {marks['Token']}"},
            stranger.client(marks["Token"]),
            stranger.person(marks["Account"], role="dsl", urn=URN),
            self.at.issuer.client(marks["Token"]),
            self.at.issuer.person(marks["Account"], role=marks["Token"]),
            self.at.worker(),
        ):
            await self.ask("intake", "POST", "/v1/concerns", token, json=marks.body())
        stranger.stop()
        other = marks.body(school={"urn": REAL_URN, "name": marks["School"]})
        await self.post(other)

    async def of_a_case(self, concern: UUID) -> None:
        marks = self.marks
        await self._known_to_escalation(concern)
        worker = self.at.issuer.person(marks["Account"], role="worker", route="MASH", la=LA)
        case = f"/v1/cases/{concern}"
        shown = await self.at.ask("escalation", "GET", case, worker)
        match = worker | {"If-Match": shown.headers["etag"]}
        rating = {"rating": "red", "reason": marks["Reason"]}
        rated = await self.ask("escalation", "POST", f"{case}/rate", match, json=rating)
        match = worker | {"If-Match": rated.headers.get("etag", "")}
        nfa = {"outcome": "NFA", "reason": marks["Reason"]}
        await self.ask("escalation", "POST", f"{case}/decide", match, json=nfa)
        bad = {"outcome": marks["Reason"], marks["Member"]: {marks["Member"]: marks["Reason"]}}
        odd = worker | {"If-Match": marks["Header"]}
        for action in ("decide", "rate", "claim", "release"):
            await self.ask("escalation", "POST", f"{case}/{action}", odd, json=bad)
            await self.ask("escalation", "POST", f"{case}/{action}", odd, content=marks["Reason"])
        await self.ask("escalation", "GET", f"{case}/details?reason={marks['Query']}", worker)
        # What it opens is for the worker's eyes, and so no answer to look into.
        await self.at.ask("escalation", "GET", f"{case}/details?reason=triage", worker)

    async def _known_to_escalation(self, concern: UUID) -> None:
        for _ in range(200):
            if await self.at.sql("SELECT FROM escalation.case_file WHERE id = $1", concern):
                return
            await asyncio.sleep(0.1)
        raise AssertionError("escalation never heard of the concern")

    async def in_addresses(self) -> None:
        path, query = self.marks["Path"], self.marks["Query"]
        person = self.at.issuer.person(self.marks["Account"], role="auditor")
        for service, address in (
            ("intake", f"/v1/concerns/{path}"),
            ("intake", f"/v1/outcomes?after={query}"),
            ("intake", f"/v1/grants?urn={query}"),
            ("escalation", f"/v1/queues/{path}?la={query}"),
            ("escalation", f"/v1/queues/MASH?la={LA}&after={query}&{query}={query}"),
            ("escalation", f"/v1/cases/{path}"),
            ("escalation", f"/v1/tasks?after={query}"),
            ("notify", f"/v1/notices?state={query}&case_id={query}"),
            ("notify", f"/v1/directory?urn={query}"),
            ("audit-log", f"/v1/log/entries?after={query}"),
            ("audit-log", f"/v1/log/entries/{path}"),
            ("audit-log", f"/v1/log/by-event/{path}"),
            ("audit-log", f"/v1/log/proof/inclusion?seq={query}"),
            ("audit-log", f"/{path}/%00%ff"),
        ):
            for headers in (self.at.worker(), person, self.at.issuer.client(CLIENT)):
                await self.ask(service, "GET", address, headers)
            await self.ask(service, path.upper(), address, person)
            await self.ask(service, "DELETE", address, person, content=self.marks["Narrative"])

    async def in_flight(self) -> None:
        """The same key twice while the first is not stored yet."""
        connection = await asyncpg.connect(self.at.superuser)
        try:
            async with connection.transaction():
                await connection.execute("LOCK TABLE intake.submission")
                first = asyncio.create_task(self.post(self.marks.body(), "flight"))
                await asyncio.sleep(0.5)
                await self.post(self.marks.body(), "flight")
            await first
        finally:
            await connection.close()

    async def to_the_wire(self) -> None:
        """What is no HTTP at all."""
        mark = self.marks["Header"].encode()
        lines = (mark, b"GET /" + mark + b" HTTP/9.9", b"POST /v1/concerns HTTP/1.1\r\n" + mark)
        for service in ("intake", "escalation", "notify", "audit-log"):
            port = int(self.at.house.url(service).rpartition(":")[2])
            for line in lines:
                await asyncio.to_thread(_sent, port, line + b"\r\n" + mark + b"\r\n\r\n")

    async def while_the_database_is_away(self) -> None:
        await self.at.elsewhere("ALTER DATABASE handrail ALLOW_CONNECTIONS false")
        try:
            await self.at.elsewhere(_CUT_OFF)
            await self.post(self.marks.body(), "away")
            await self.ask("escalation", "GET", f"/v1/queues/MASH?la={LA}", self.at.worker())
        finally:
            await self.at.elsewhere("ALTER DATABASE handrail ALLOW_CONNECTIONS true")


def _sent(port: int, content: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(content)
        connection.recv(4096)
