"""The address that `make run` prints."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests

from scripts.server import Cluster
from tests.support.client import Client
from tests.support.server import serve


def get(stranger: Client, accept: str) -> requests.Response:
    headers = {"Accept": accept}
    return requests.get(stranger.url + "/", headers=headers, allow_redirects=False, timeout=60)


@pytest.mark.parametrize("accept", ["*/*", "application/json", "text/csv", ""])
def test_program_gets_an_index_whose_addresses_exist(stranger: Client, accept: str) -> None:
    answer = get(stranger, accept)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Vary"] == "Accept"
    index = answer.json()
    addresses = [value for value in index.values() if value.startswith("/")]
    assert len(addresses) >= 5
    for address in addresses:
        found = requests.get(stranger.url + address, timeout=60)
        assert found.status_code == (405 if address == index["log_in"] else 200), address


def test_browser_gets_the_first_page_of_the_console(stranger: Client) -> None:
    answer = get(stranger, "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
    assert answer.status_code == 200
    assert "<h1>Find a doctor</h1>" in answer.text
    assert answer.headers["Vary"] == "Accept, Accept-Encoding"


def test_server_without_console_and_documentation_shows_the_index_only(
    cluster: Cluster, tmp_path: Path
) -> None:
    url = cluster.url("postgres", "telemed_api")
    with serve(
        url, tmp_path / "log", CONSOLE="off", DOCUMENTATION="none", WEB_CONCURRENCY="1"
    ) as server:
        answer = requests.get(server.url + "/", headers={"Accept": "text/html"}, timeout=60)
        index = answer.json()
        assert "/problems" in index.values()
        assert not {"/docs", "/reference", "/openapi.json"} & set(index.values())
        hidden = ("/docs", "/docs/docs.js", "/reference", "/openapi.json")
        found = [requests.get(server.url + path, timeout=60).status_code for path in hidden]
        assert found == [404] * len(hidden)
