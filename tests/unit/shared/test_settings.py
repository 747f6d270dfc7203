"""What is said of a setting that cannot be used holds none of it."""

import pytest
from pydantic import BaseModel, SecretStr, ValidationError
from typer.testing import CliRunner

from handrail.cli import build
from shared.settings import DatabaseUrl


class Told(BaseModel):
    url: DatabaseUrl


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://intake:p%40ss%3Aword@postgres/intake",
        "postgresql://intake:plain@postgres:5432/intake",
        "postgresql://intake@/handrail?host=/run/postgresql",
        "postgresql://h/d",
    ],
)
def test_an_address_that_both_readers_understand_alike_is_taken(url: str) -> None:
    assert Told(url=SecretStr(url)).url.get_secret_value() == url


@pytest.mark.parametrize("password", ["a@b:zqx", "a@zqx", "a/zqx", "a?zqx@b", "a#zqx"])
@pytest.mark.parametrize("command", [("migrate", "intake"), ("serve", "intake")])
def test_a_password_that_breaks_its_address_is_not_said_aloud(
    password: str, command: tuple[str, str]
) -> None:
    url = f"postgresql://intake:{password}@postgres/intake"
    done = CliRunner().invoke(build(command[0]), command, env={"HANDRAIL_DATABASE_URL": url})
    assert done.exit_code == 2
    assert "HANDRAIL_DATABASE_URL" in done.output
    assert "zqx" not in done.output


@pytest.mark.parametrize("url", ["mysql://h/d", "postgres", "", "postgresql://h:port/d"])
def test_what_names_no_database_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="a database's address"):
        Told(url=SecretStr(url))
