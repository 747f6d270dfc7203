"""What is refused, and that every refusal still says whom to ring."""

from typing import Any

import asyncpg

from tests.journey.intake.harness import OTHER_URN, Intake, a_body


def says_whom_to_ring(response: Any) -> bool:
    numbers = {entry["number"] for entry in response.json()["emergency"]["numbers"]}
    return {"999", "101"} <= numbers


async def test_unreadable_json_is_refused_with_the_emergency_numbers(intake: Intake) -> None:
    response = await intake.post(b'{"narrative": "cut sho')
    assert response.status_code == 400
    assert says_whom_to_ring(response)
    assert await intake.count("submission") == 0


async def test_too_much_text_is_refused_with_the_emergency_numbers(intake: Intake) -> None:
    response = await intake.post(a_body(narrative="word " * 60_000))
    assert response.status_code == 413
    assert says_whom_to_ring(response)


async def test_a_body_larger_than_any_is_refused_before_it_is_read(intake: Intake) -> None:
    response = await intake.post(a_body(), more={"content-length": str(26 * 1024 * 1024)})
    assert response.status_code == 413
    assert says_whom_to_ring(response)


async def test_no_token_is_401_and_a_token_without_the_scope_403(intake: Intake) -> None:
    nobody = await intake.http.post("/v1/concerns", json=a_body())
    assert nobody.status_code == 401
    assert "www-authenticate" in nobody.headers
    assert says_whom_to_ring(nobody)
    worker = intake.issuer.headers("worker", route="MASH")
    stranger = await intake.post(a_body(), who=worker)
    assert stranger.status_code == 403
    assert says_whom_to_ring(stranger)


async def test_a_client_speaks_only_for_schools_that_gave_it_a_grant(intake: Intake) -> None:
    response = await intake.post(a_body(school={"urn": OTHER_URN}))
    assert response.status_code == 403
    assert says_whom_to_ring(response)
    assert await intake.count("submission") == 0


async def test_a_claim_to_another_school_narrows_the_grants_away(intake: Intake) -> None:
    await intake.grant(urn=OTHER_URN)
    narrowed = intake.mis(school=OTHER_URN)
    assert (await intake.post(a_body(), who=narrowed)).status_code == 403
    assert (await intake.post(a_body(school={"urn": OTHER_URN}), who=narrowed)).status_code == 201


async def test_a_drill_client_cannot_raise_for_a_real_school_nor_a_real_one_for_a_reserved(
    intake: Intake,
) -> None:
    await intake.grant("drill", "118222")
    await intake.grant("real", synthetic=False)
    real_school = await intake.post(a_body(school={"urn": "118222"}), who=intake.mis("drill"))
    reserved = await intake.post(a_body(), who=intake.mis("real"))
    assert (real_school.status_code, reserved.status_code) == (403, 403)
    assert await intake.count("submission") == 0


async def test_whether_a_concern_is_synthetic_is_never_the_senders_word(intake: Intake) -> None:
    await intake.post(a_body(synthetic=False))
    assert await intake.db.fetchval("SELECT synthetic FROM submission") is True


async def test_too_many_requests_are_429_with_the_emergency_numbers(start: Any) -> None:
    async with start(client_rate=0.5) as intake:
        responses = [await intake.post(a_body(), key=f"k-{n}") for n in range(4)]
        assert [response.status_code for response in responses] == [201, 201, 429, 429]
        assert int(responses[-1].headers["retry-after"]) >= 1
        assert says_whom_to_ring(responses[-1])


async def test_without_a_database_the_advice_is_still_given_and_storage_denied(
    intake: Intake, database: Any
) -> None:
    await intake.post(a_body())  # the grant and the school are remembered
    await away(database)
    response = await intake.post(a_body(), key="another")
    problem = response.json()
    assert response.status_code == 503
    assert int(response.headers["retry-after"]) >= 1
    assert problem["stored"] is False
    assert "NOT" in problem["detail"]
    assert "POLICE_101" in {action["route"] for action in problem["actions"]}
    assert says_whom_to_ring(response)
    assert len(problem["emergency"]["numbers"]) > 2  # the authority's own too


async def test_a_start_without_a_database_gives_national_advice_to_anyone_with_a_token(
    start: Any, database: Any
) -> None:
    async with start() as intake:
        intake.desk.authority.forget()
        await away(database)
        response = await intake.post(a_body())
        assert response.status_code == 503
        assert "POLICE_101" in {action["route"] for action in response.json()["actions"]}


async def test_without_a_database_every_other_answer_says_when_to_ask_again(
    intake: Intake, database: Any
) -> None:
    status = (await intake.post(a_body())).json()["concerns"][0]["status_url"]
    await away(database)
    responses = [
        await intake.get(status),
        await intake.get("/v1/outcomes"),
        await intake.post({"narrative": "x"}, path=f"{status}/amendments"),
        await intake.get("/v1/grants?urn=999001", intake.person("head")),
    ]
    assert [response.status_code for response in responses] == [503] * 4
    assert all(response.headers["retry-after"] for response in responses)
    assert all(says_whom_to_ring(response) for response in responses)


async def away(database: Any) -> None:
    """Nobody may connect to the database any more, and whoever is connected is cut off."""
    admin = await asyncpg.connect(database.server.dsn())
    try:
        name = database.name
        await admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        await admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name
        )
    finally:
        await admin.close()


async def test_strict_handling_is_for_sandbox_clients_and_stores_nothing(intake: Intake) -> None:
    await intake.grant("sandbox", sandbox=True)
    bad = a_body(facts={"concern_types": ["no such type"]})
    refused = await intake.post(bad, who=intake.mis("sandbox"), more={"prefer": "handling=strict"})
    assert refused.status_code == 422
    assert refused.headers["preference-applied"] == "handling=strict"
    assert refused.json()["issues"]
    assert says_whom_to_ring(refused)
    assert await intake.count("submission") == 0
    good = await intake.post(
        a_body(), who=intake.mis("sandbox"), more={"prefer": "handling=strict"}
    )
    assert (good.status_code, good.headers["preference-applied"]) == (201, "handling=strict")
    anyone = await intake.post(bad, more={"prefer": "respond-async, handling=strict"})
    assert anyone.status_code == 201
    assert "preference-applied" not in anyone.headers


async def test_a_sender_that_hangs_up_in_the_middle_stores_nothing(intake: Intake) -> None:
    token = intake.mis()["Authorization"].encode()
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/concerns",
        "raw_path": b"/v1/concerns",
        "query_string": b"",
        "headers": [(b"authorization", token), (b"content-type", b"application/json")],
    }
    half = {"type": "http.request", "body": b'{"narrative": "She', "more_body": True}
    received = iter([half, {"type": "http.disconnect"}])

    async def receive() -> Any:
        return next(received)

    async def send(_: Any) -> None: ...

    await intake.app(scope, receive, send)
    assert await intake.count("submission") == 0
    assert (await intake.post(a_body())).status_code == 201
