"""A setting that nobody reads is a promise that nobody keeps."""

from pathlib import Path

import pytest

from handrail.house import SERVICES, part

CODE = Path(__file__).parents[2]


@pytest.mark.parametrize("service", SERVICES)
def test_every_setting_is_read_somewhere(service: str) -> None:
    # What every service is told is read by the common house, or by some of the services.
    folders = [CODE / "services", CODE / "shared", CODE / "deploy" / "handrail"]
    text = "\n".join(f.read_text() for folder in folders for f in folder.rglob("*.py"))
    unread = [
        name for name in part(service).settings.model_fields if f"settings.{name}" not in text
    ]
    assert unread == []


@pytest.mark.parametrize("service", SERVICES)
def test_no_secret_has_a_default(service: str) -> None:
    fields = part(service).settings.model_fields
    secrets = {name for name, field in fields.items() if "Secret" in str(field.annotation)}
    assert {"database_url", "bus", "match_secret"} <= secrets
    assert all(fields[name].is_required() or fields[name].default is None for name in secrets)
