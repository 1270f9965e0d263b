"""Every page of the console was looked at. This module comes after the others of its folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from werkzeug.exceptions import HTTPException

from api import config
from api.app import create_app
from tests.support.browser import SEEN, Visit
from tests.support.server import environment

JOURNEYS = {"test_account", "test_admin", "test_doctor", "test_patient"}


def test_routes_of_the_console_are_all_visited(
    tab: Visit,  # skipped without Chromium
    request: pytest.FixtureRequest,
) -> None:
    here = Path(__file__).parent
    modules = {path.stem for path in here.glob("test_*.py")}
    assert modules >= JOURNEYS
    collected = {item.path.stem for item in request.session.items if item.path.parent == here}
    if hasattr(request.config, "workerinput") or request.config.option.keyword:
        pytest.skip("other processes or nobody have visited pages; `make browser` visits all")
    if not collected >= JOURNEYS:
        pytest.skip(f"not all journeys are here: {sorted(JOURNEYS - collected)}")

    app = create_app(config.load(environment("postgresql://telemed_api@127.0.0.1:1/none")))
    pages = app.url_map.bind("clinic.test")
    visited = set()
    for path in SEEN:
        try:
            visited.add(pages.match(path, method="GET")[0])
        except HTTPException:
            continue  # an address without a page
    routes = {
        rule.endpoint for rule in app.url_map.iter_rules() if rule.endpoint.startswith("console.")
    }
    assert len(routes) > 40
    assert routes - visited == set()
    assert tab.complaints == []
