"""What browsers load is what the pinned packages give, without what is GOV.UK's alone."""

import json
import re
import subprocess
from pathlib import Path

from jinja2 import Environment, PackageLoader, PrefixLoader

from shared.web.assets import FOLDER
from tests.node import ROOT, node_with

WEB = ROOT / "deploy" / "web"
COMPONENTS = WEB / "node_modules" / "govuk-frontend" / "dist" / "govuk" / "components"
# The release that the macros of govuk-frontend-jinja 4.1 follow; the two move together.
GOVUK_FRONTEND = "6.3.0"


def test_the_built_files_are_those_that_the_packages_give(tmp_path: Path) -> None:
    node = node_with(WEB)
    subprocess.run([node, "build.mjs", str(tmp_path)], cwd=WEB, check=True, capture_output=True)
    built = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert built.keys() == {file.name for file in FOLDER.iterdir()}
    for name, content in built.items():
        same = content == (FOLDER / name).read_bytes()
        assert same, f"{name} differs: run `npm ci && npm run build` in deploy/web and commit it"


def test_nothing_of_govuks_own_is_in_what_we_give_out() -> None:
    for file in FOLDER.parent.rglob("*"):
        if file.is_file() and file.suffix not in {".pyc", ".py"} and file.name != "NOTICE":
            found = re.search(r"GDS Transport|govuk-crest|crown|\.woff", file.read_text(), re.I)
            assert found is None, f"{file.name}: {found}"


def test_the_packages_are_pinned_to_exact_versions() -> None:
    wanted = json.loads((WEB / "package.json").read_text())["devDependencies"]
    assert wanted["govuk-frontend"] == GOVUK_FRONTEND
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in wanted.values())


def test_the_licences_of_what_we_give_out_go_with_it() -> None:
    notice = (FOLDER / "NOTICE").read_text()
    assert f"govuk-frontend {GOVUK_FRONTEND}" in notice
    assert "Permission is hereby granted, free of charge" in notice
    assert "Zero-Clause BSD" in notice


def test_the_macros_give_the_markup_that_the_style_was_made_for() -> None:
    node_with(WEB)
    environment = Environment(
        loader=PrefixLoader({"govuk_frontend_jinja": PackageLoader("govuk_frontend_jinja")}),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    compared, wrong = 0, []
    for file in sorted(COMPONENTS.glob("*/fixtures.json")):
        component = file.parent.name
        macro = "govuk" + "".join(part.capitalize() for part in component.split("-"))
        template = environment.from_string(
            f'{{% from "govuk_frontend_jinja/components/{component}/macro.html" import {macro} %}}'
            f"{{{{ {macro}(options) }}}}"
        )
        for fixture in json.loads(file.read_text())["fixtures"]:
            compared += 1
            if plain(template.render(options=fixture["options"])) != plain(fixture["html"]):
                wrong.append(f"{component}: {fixture['name']}")
    assert wrong == []
    assert compared > 600


def plain(html: str) -> str:
    """Markup without what no browser shows: blanks between tags and the spelling of entities."""
    spelt = html.replace("&#34;", "&quot;").replace("&#39;", "'")
    return re.sub(r"\s+", "", spelt)
