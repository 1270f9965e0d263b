"""The generated clients have right types, and each of them walks its tour on a running server."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts import clients
from scripts.server import Cluster
from scripts.system import CommandError
from tests.support.demo import demo_server
from tests.support.server import Server

pytestmark = pytest.mark.skipif(
    not clients.ready(), reason="the generators are missing: `make clients` installs them"
)
STEPS = ("is free on", "booked ", "cancelled: Sleeping well again")


@pytest.fixture(scope="module")
def demo(
    cluster: Cluster,
    new_database: Callable[[], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Server]:
    with demo_server(cluster, new_database(), tmp_path_factory.mktemp("clients") / "log") as server:
        yield server


@pytest.fixture(scope="module")
def built() -> None:
    clients.build()


@pytest.mark.usefixtures("built")
def test_python_client_walks_its_tour(demo: Server) -> None:
    result = subprocess.run(
        (str(clients.TOOLS / "bin/python"), "tour.py"),
        cwd=clients.PYTHON_CLIENT,
        env=os.environ | {"BASE_URL": demo.url},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
    assert all(step in result.stdout for step in STEPS), result.stdout


@pytest.mark.usefixtures("built")
def test_typescript_client_walks_its_tour(demo: Server) -> None:
    output = clients.node(
        "tour.ts", folder=clients.TYPESCRIPT_CLIENT, variables={"BASE_URL": demo.url}
    )
    assert all(step in output for step in STEPS), output


@pytest.mark.usefixtures("built")
def test_typescript_client_refuses_a_body_without_its_required_field() -> None:
    wrong = clients.TYPESCRIPT_CLIENT / "wrong.ts"
    wrong.write_text(
        'import createClient from "openapi-fetch";\n'
        'import type { paths } from "./telemedicine.d.ts";\n'
        'await createClient<paths>().POST("/v1/auth/login", { body: { email: "a@b.example" } });\n'
    )
    with pytest.raises(CommandError, match="password"):
        clients.check_typescript("wrong.ts")


@pytest.mark.usefixtures("built")
def test_typescript_client_needs_only_required_fields() -> None:
    right = clients.TYPESCRIPT_CLIENT / "right.ts"
    right.write_text(
        'import createClient from "openapi-fetch";\n'
        'import type { paths } from "./telemedicine.d.ts";\n'
        "const api = createClient<paths>();\n"
        'await api.POST("/v1/auth/login", { body: { email: "a@b.example", password: "x" } });\n'
        'const key = { params: { header: { "Idempotency-Key": "k" } } };\n'
        'await api.POST("/v1/consultations", { ...key, body: { slot_id: "s" } });\n'
        'await api.PATCH("/v1/me", { body: { phone: "+49 30 901820" } });\n'
    )
    clients.check_typescript("right.ts")


def test_document_passes_redocly_and_spectral() -> None:
    clients.lint()


def without_servers(document: dict[str, Any]) -> None:
    del document["servers"]


def without_security(document: dict[str, Any]) -> None:
    del document["paths"]["/v1/auth/login"]["post"]["security"]


def example_of_another_type(document: dict[str, Any]) -> None:
    document["components"]["schemas"]["Booking"]["properties"]["reason"]["example"] = 7


def without_description(document: dict[str, Any]) -> None:  # only Spectral asks for it
    del document["paths"]["/health"]["get"]["description"]


@pytest.mark.parametrize(
    "change", [without_servers, without_security, example_of_another_type, without_description]
)
def test_linters_refuse_a_document_with_a_warning(
    change: Callable[[dict[str, Any]], None], tmp_path: Path
) -> None:
    document = json.loads(clients.FILE.read_text())
    change(document)
    wrong = tmp_path / "openapi.json"
    wrong.write_text(json.dumps(document))
    with pytest.raises(CommandError):
        clients.lint(wrong)
