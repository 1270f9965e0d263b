"""The version of the newest release, which is written in five places."""

from __future__ import annotations

import re
import tomllib

import api
from api.app import create_app
from api.config import load
from scripts.system import CHECKOUT
from tests.support.server import environment


def test_version_of_the_newest_release_is_the_same_everywhere() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]["version"]
    app = create_app(load(environment("postgresql:///x")))
    document = app.test_client().get("/openapi.json").json
    assert document is not None
    tags = re.findall(r"^@v(\S+)", (CHECKOUT / "sqitch.plan").read_text(), re.MULTILINE)
    changelog = (CHECKOUT / "CHANGELOG.md").read_text()
    sections = re.findall(r"^## \[?v?(\d+\.\d+\.\d+)", changelog, re.MULTILINE)
    found = {
        "api": api.__version__,
        "OpenAPI": document["info"]["version"],
        "newest tag of sqitch.plan": tags[-1],
        "newest section of CHANGELOG.md": sections[0] if sections else None,
    }
    assert found == dict.fromkeys(found, project)
