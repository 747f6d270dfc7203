"""What docker-compose.yml promises: no secret in it, nothing open, health asked of everything."""

import re
from typing import Any

import pytest

from tests.journey.compose.stack import ROOT, SERVICES, VARIABLE, is_job, is_ours, read_compose

COMPOSE = read_compose()
NAMES = list(COMPOSE["services"])
SECRET = re.compile(r"PASSWORD|SECRET|TOKEN|SMTP_URL|DATABASE_URL|TLS")
PASSWORD_IN_URL = re.compile(r"://\w*:(?P<password>[^@\s]+)@")
MIGRATOR = "audit_log_migrator"


def texts(value: Any, key: str = "") -> list[tuple[str, str]]:
    """Every string of the file with the key it stands under."""
    if isinstance(value, dict):
        return [pair for name, one in value.items() for pair in texts(one, str(name))]
    if isinstance(value, list):
        return [pair for one in value for pair in texts(one, key)]
    return [(key, str(value))]


def service(name: str) -> dict[str, Any]:
    found: dict[str, Any] = COMPOSE["services"][name]
    return found


def test_the_file_has_the_four_services_the_checkpointer_their_jobs_and_what_they_stand_on() -> (
    None
):
    jobs = {f"migrate-{name}" for name in SERVICES} | {"topics"}
    assert set(NAMES) == {*SERVICES, *jobs, "checkpointer", "postgres", "kafka", "proxy"}
    assert {name for name in NAMES if is_job(service(name))} == jobs


@pytest.mark.parametrize("name", NAMES)
def test_no_secret_is_fixed_or_has_a_default(name: str) -> None:
    for key, text in texts(service(name).get("environment", {})):
        for variable, how, _ in VARIABLE.findall(text):
            assert not (SECRET.search(variable) and how != "?"), (
                f"{key}: {variable} must be required"
            )
        if url := PASSWORD_IN_URL.search(VARIABLE.sub(r"${\1}", text)):
            assert VARIABLE.fullmatch(url["password"]), f"{key} has a password in it"
        elif SECRET.search(key):
            assert VARIABLE.search(text), f"{key} has a fixed value"


def test_what_is_required_is_asked_for_in_a_sentence() -> None:
    asked: dict[str, set[str]] = {}
    for _, text in texts(COMPOSE):
        for variable, how, sentence in VARIABLE.findall(text):
            if how == "?":
                asked.setdefault(variable, set()).update({sentence} - {""})
    assert {"HANDRAIL_MATCH_SECRET", "HANDRAIL_KEYS", "HANDRAIL_ISSUER"} <= asked.keys()
    for variable, sentences in asked.items():
        assert len(sentences) == 1, variable
        assert re.fullmatch(rf"Set {variable} to .+\.", sentences.pop())


@pytest.mark.parametrize("name", NAMES)
def test_every_service_is_asked_for_its_health_and_every_job_ends(name: str) -> None:
    one = service(name)
    if is_job(one):
        assert "healthcheck" not in one
    else:
        assert one["healthcheck"]["test"][0] == "CMD"
        assert one["restart"] == "unless-stopped"
        assert one["stop_grace_period"]


@pytest.mark.parametrize("name", NAMES)
def test_no_container_has_more_power_than_it_needs(name: str) -> None:
    one = service(name)
    assert one["read_only"] is True
    assert one["cap_drop"] == ["ALL"]
    assert one["security_opt"] == ["no-new-privileges:true"]
    # Kafka's image runs as a user of its own.
    assert name == "kafka" or re.fullmatch(r"[1-9]\d*:[1-9]\d*", one["user"])
    assert all(":ro" in str(mount) for mount in one.get("volumes", []) if str(mount)[0] in "./")


def test_only_the_proxy_is_reached_from_outside() -> None:
    assert [name for name in NAMES if "ports" in service(name)] == ["proxy"]
    assert [name for name in NAMES if service(name).get("network_mode")] == []
    assert COMPOSE["networks"]["inside"]["internal"] is True
    for name in ("postgres", "kafka", *(f"migrate-{each}" for each in SERVICES), "topics"):
        assert service(name)["networks"] == ["inside"]


def test_a_private_key_is_given_only_to_the_service_that_opens_with_it() -> None:
    given = {name: set(service(name).get("secrets", ())) for name in NAMES}
    assert {name for name in NAMES if "keys_details" in given[name]} == {"escalation"}
    assert {name for name in NAMES if "keys_contacts" in given[name]} == {"notify"}
    assert {name for name in NAMES if "tls_key" in given[name]} == {"proxy"}
    assert {name for name in NAMES if "log_keys" in given[name]} == {"checkpointer"}
    for name in SERVICES:
        private = service(name)["environment"].get("HANDRAIL_KEYS_PRIVATE")
        assert (private is not None) == bool(given[name] & {"keys_details", "keys_contacts"})


def test_each_service_knows_the_password_of_its_own_database_alone() -> None:
    for name in SERVICES:
        role = name.replace("-", "_")
        for each in (name, f"migrate-{name}"):
            environment = service(each)["environment"]
            url = environment["HANDRAIL_DATABASE_URL"]
            mine = MIGRATOR if each == "migrate-audit-log" else role
            assert url.startswith(f"postgresql://{mine}:${{HANDRAIL_{mine.upper()}_PASSWORD")
            assert url.endswith(f"@postgres:5432/{role}")
            others = [text for key, text in texts(environment) if not key.endswith("DATABASE_URL")]
            assert "PASSWORD" not in "".join(others).replace("smtp://user:password", "")


def test_only_the_migration_has_the_role_that_may_change_the_logs_tables() -> None:
    knows = [name for name in NAMES if MIGRATOR in str(service(name).get("environment"))]
    assert knows == ["migrate-audit-log"]
    reader = service("audit-log")["environment"]["HANDRAIL_READER_DATABASE_URL"]
    assert reader.startswith("postgresql://audit_log_reader:${HANDRAIL_AUDIT_LOG_READER_PASSWORD")


def test_a_concern_is_taken_while_kafka_and_the_other_services_are_down() -> None:
    """Nothing on the way of a POST waits for them to start."""
    assert set(service("proxy")["depends_on"]) == {"intake"}
    assert set(service("intake")["depends_on"]) == {"migrate-intake"}
    assert set(service("migrate-intake")["depends_on"]) == {"postgres"}


def test_kafka_is_the_version_that_the_tests_run() -> None:
    pom = (ROOT / "deploy" / "kafka" / "pom.xml").read_text()
    version = re.search(r"<kafka.version>(.+)</kafka.version>", pom)
    assert version is not None
    assert service("kafka")["image"] == f"apache/kafka:{version[1]}"


def test_the_image_is_built_of_named_parts_and_pinned_packages() -> None:
    lines = (ROOT / "deploy" / "Dockerfile").read_text()
    assert "--no-deps --require-hashes -r requirements.lock" in lines
    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", lines, re.MULTILINE)
    assert "COPY . " not in lines
    assert (ROOT / ".dockerignore").read_text().splitlines()[1] == "*"
    for name in NAMES:
        if is_ours(service(name)):
            assert service(name)["build"]["dockerfile"] == "deploy/Dockerfile"
            assert service(name)["command"][0] == "handrail"
