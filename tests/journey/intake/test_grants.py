"""Who may give a client or a person leave to speak for a school, and how fast it is withdrawn."""

from typing import Any

from shared.events.access import GrantChanged
from shared.sealing import account_ref
from tests.journey.intake.harness import OTHER_URN, URN, Intake, a_body

PATH = "/v1/grants"


def for_client(client: str = "new-mis", urn: str = URN, **more: Any) -> dict[str, Any]:
    return {"role": "mis", "client": client, "urn": urn} | more


async def give(intake: Intake, body: Any, who: Any) -> Any:
    return await intake.post(body, key=None, path=PATH, who=who)


async def test_a_head_gives_a_client_its_grant_and_it_counts_at_once(intake: Intake) -> None:
    new = intake.mis("new-mis")
    assert (await intake.post(a_body(), who=new)).status_code == 403
    given = await give(intake, for_client(), intake.person("head"))
    assert given.status_code == 201
    assert given.headers["location"] == f"/v1/grants/{given.json()['grant_id']}"
    assert given.json()["synthetic"] is True
    assert (await intake.post(a_body(), who=new)).status_code == 201


async def test_a_revoked_grant_counts_no_more_from_then_on(intake: Intake) -> None:
    head = intake.person("head")
    grant = (await give(intake, for_client(), head)).json()["grant_id"]
    new = intake.mis("new-mis")
    first = await intake.post(a_body(), who=new)
    gone = await intake.http.delete(f"{PATH}/{grant}", headers=head)
    assert gone.status_code == 204
    assert (await intake.post(a_body(), key="k-2", who=new)).status_code == 403
    assert (await intake.post(a_body(), who=new)).status_code == 403
    status = first.json()["concerns"][0]["status_url"]
    assert (await intake.get(status, new)).status_code == 404


async def test_a_revocation_in_another_process_counts_at_once_too(intake: Intake) -> None:
    assert (await intake.post(a_body())).status_code == 201  # remembered here from now on
    await intake.db.execute("UPDATE grant_row SET revoked_at = now()")
    fresh, replay = await intake.post(a_body(), key="k-2"), await intake.post(a_body())
    assert (fresh.status_code, replay.status_code) == (403, 403)
    assert await intake.count("submission") == 1


async def test_a_grant_replaced_in_another_process_refuses_nothing(intake: Intake) -> None:
    first = await intake.post(a_body())  # remembered here from now on
    await intake.db.execute("UPDATE grant_row SET revoked_at = now()")
    await intake.grant()
    again = await intake.post(a_body())
    fresh = await intake.post(a_body(source_record_id="REC-2"), key="k-2")
    assert (fresh.status_code, again.json()) == (201, first.json())
    assert await intake.count("submission") == 2


async def test_a_grant_that_follows_one_that_ended_counts_at_once(
    intake: Intake, clock: Any
) -> None:
    ends = clock.now().replace(second=30)
    await intake.db.execute("UPDATE grant_row SET valid_to = $1", ends)
    assert (await intake.post(a_body())).status_code == 201  # remembered here from now on
    await intake.grant(valid_from=ends)
    clock.set(ends)
    assert (await intake.post(a_body(), key="k-2")).status_code == 201


async def test_a_grant_ends_by_itself_on_its_day(intake: Intake, clock: Any) -> None:
    ends = "2026-11-24T10:00:30Z"
    await give(intake, for_client(valid_to=ends), intake.person("head"))
    headers = intake.mis("new-mis")
    assert (await intake.post(a_body(), who=headers)).status_code == 201
    clock.set(clock.now().replace(second=31))
    assert (await intake.post(a_body(), key="k-2", who=headers)).status_code == 403


async def test_nobody_grants_for_another_school_or_above_themselves(intake: Intake) -> None:
    account = {"role": "head", "urn": URN, "account": "somebody"}
    refused = [
        await give(intake, for_client(urn=OTHER_URN), intake.person("head")),
        await give(intake, account, intake.person("head")),
        await give(intake, account | {"role": "dsl"}, intake.person("dsl")),
        await give(intake, for_client(sandbox=True), intake.person("head")),
        await give(intake, for_client(), intake.mis()),
        await give(intake, for_client(), intake.person("reporter")),
    ]
    assert [response.status_code for response in refused] == [403] * 6
    admin = intake.issuer.headers("admin")
    assert (await give(intake, account, admin)).status_code == 201
    assert (await give(intake, for_client(sandbox=True), admin)).status_code == 201


async def test_a_grant_names_a_client_or_a_person_and_never_its_giver(intake: Intake) -> None:
    head = intake.person("head")
    for wrong in (
        {"role": "mis", "urn": URN, "account": "a"},
        {"role": "dsl", "urn": URN, "client": "c"},
        for_client(given_by="somebody else"),
        for_client(synthetic=False),
        for_client(urn="12"),
    ):
        assert (await give(intake, wrong, head)).status_code == 422


async def test_the_list_shows_references_and_only_to_those_who_may_grant(intake: Intake) -> None:
    head = intake.person("head")
    await give(intake, {"role": "dsl", "urn": URN, "account": "anne@school"}, head)
    listed = await intake.get(f"{PATH}?urn={URN}", head)
    assert len(listed.json()["grants"]) == 2
    assert "anne" not in listed.text
    assert (await intake.get(f"{PATH}?urn={OTHER_URN}", head)).status_code == 403
    assert (await intake.get(f"{PATH}?urn={URN}", intake.person("reporter"))).status_code == 403


async def test_the_log_is_told_who_gave_and_withdrew_a_grant_and_no_name(intake: Intake) -> None:
    head = intake.person("head", account="head@school")
    asked = {"role": "dsl", "urn": URN, "account": "anne@school", "staff_ref": "S-17"}
    grant = (await give(intake, asked, head)).json()["grant_id"]
    await give(intake, for_client(), head)
    for _ in range(2):  # to withdraw it again changes nothing, and tells nothing
        await intake.http.delete(f"{PATH}/{grant}", headers=head)
    rows = await intake.db.fetch("SELECT type, subject, data FROM outbox ORDER BY seq")
    assert [row["type"] for row in rows] == ["grant.given", "grant.given", "grant.withdrawn"]
    told = [GrantChanged.model_validate_json(row["data"]) for row in rows]
    secret = intake.desk.runtime.secret
    assert {one.actor_ref for one in told} == {account_ref(secret, "head@school")}
    holders = [account_ref(secret, holder) for holder in ("anne@school", "new-mis", "anne@school")]
    assert [one.holder_ref for one in told] == holders
    assert [(one.role, one.urn) for one in told] == [("dsl", URN), ("mis", URN), ("dsl", URN)]
    assert {str(rows[n]["subject"]) for n in (0, 2)} == {grant}
    assert not any(name in row["data"] for row in rows for name in (b"anne", b"head@", b"S-17"))


async def test_an_admin_who_manages_grants_sees_no_concern(intake: Intake) -> None:
    created = await intake.post(a_body())
    admin = intake.issuer.headers("admin")
    status = created.json()["concerns"][0]["status_url"]
    assert (await intake.get(status, admin)).status_code == 403
    assert (await intake.post(a_body(), who=admin)).status_code == 403


async def test_a_grant_one_may_not_withdraw_is_not_known(intake: Intake) -> None:
    grant = (await give(intake, for_client(), intake.person("head"))).json()["grant_id"]
    other = intake.person("head", OTHER_URN)
    gone = await intake.http.delete(f"{PATH}/{grant}", headers=other)
    assert gone.status_code == 404


async def test_a_persons_withdrawn_grant_outweighs_their_token(intake: Intake) -> None:
    head, dsl = intake.person("head"), intake.person("dsl", account="dsl-1")
    given = await give(intake, {"role": "dsl", "urn": URN, "account": "dsl-1"}, head)
    raised = await intake.post(a_body(), who=dsl)
    assert raised.status_code == 201
    await intake.http.delete(f"{PATH}/{given.json()['grant_id']}", headers=head)
    assert (await intake.post(a_body(), key="k-2", who=dsl)).status_code == 403
    status = raised.json()["concerns"][0]["status_url"]
    assert (await intake.get(status, dsl)).status_code == 404


async def test_a_role_is_withdrawn_though_the_person_keeps_another(intake: Intake) -> None:
    head, both = intake.person("head"), intake.person("dsl", account="dsl-1")
    raised = await intake.post(a_body())
    path = raised.json()["concerns"][0]["status_url"]
    person = {"urn": URN, "account": "dsl-1"}
    given = await give(intake, person | {"role": "dsl"}, head)
    await give(intake, person | {"role": "reporter"}, head)
    assert (await intake.get(path, both)).status_code == 200
    await intake.http.delete(f"{PATH}/{given.json()['grant_id']}", headers=head)
    assert (await intake.get(path, both)).status_code == 404
    assert (await give(intake, for_client("other-mis"), both)).status_code == 403
    teacher = intake.person("reporter", account="dsl-1")
    assert (await intake.post(a_body(), key="k-2", who=teacher)).status_code == 201


async def test_a_persons_grant_ends_by_itself_on_its_day(intake: Intake, clock: Any) -> None:
    dsl = intake.person("dsl", account="dsl-1")
    raised = await intake.post(a_body(), who=dsl)
    path = raised.json()["concerns"][0]["status_url"]
    ends = {"role": "dsl", "urn": URN, "account": "dsl-1", "valid_to": "2026-11-24T10:00:30Z"}
    await give(intake, ends, intake.person("head"))
    assert (await intake.get(path, dsl)).status_code == 200
    clock.set(clock.now().replace(second=30))
    assert (await intake.get(path, dsl)).status_code == 404
    assert (await intake.post(a_body(), key="k-2", who=dsl)).status_code == 403


async def test_whose_grant_was_withdrawn_gives_none_to_themselves_or_others(intake: Intake) -> None:
    head, dsl = intake.person("head"), intake.person("dsl", account="dsl-1")
    given = await give(intake, {"role": "dsl", "urn": URN, "account": "dsl-1"}, head)
    client = await give(intake, for_client(), dsl)
    await intake.http.delete(f"{PATH}/{given.json()['grant_id']}", headers=head)
    back = {"role": "deputy_dsl", "urn": URN, "account": "dsl-1"}
    refused = [await give(intake, asked, dsl) for asked in (back, for_client("other-mis"))]
    refused.append(await intake.get(f"{PATH}?urn={URN}", dsl))
    assert [response.status_code for response in refused] == [403] * 3
    gone = await intake.http.delete(f"{PATH}/{client.json()['grant_id']}", headers=dsl)
    assert gone.status_code == 404


async def test_an_admin_of_one_school_grants_for_that_school_alone(intake: Intake) -> None:
    admin = intake.issuer.headers("admin", school=OTHER_URN)
    assert (await give(intake, for_client(), admin)).status_code == 403
    assert (await give(intake, for_client(urn=OTHER_URN), admin)).status_code == 201
