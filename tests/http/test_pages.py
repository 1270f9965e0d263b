"""The pages for people, /docs and /reference, and the files that they load."""

from __future__ import annotations

import re

import pytest
import requests

from tests.support.client import Client

PAGES = ("/docs", "/reference")
PARTS = re.compile(r'(?:src|href)="([^"]+)"')


def directives(policy: str) -> dict[str, set[str]]:
    """The directives of a Content-Security-Policy, with their sources."""
    parts = (directive.split() for directive in policy.split(";"))
    return {name: set(sources) for name, *sources in parts}


@pytest.mark.parametrize("path", PAGES)
def test_page_loads_nothing_from_other_hosts(stranger: Client, path: str) -> None:
    page = requests.get(stranger.url + path, timeout=60)
    assert page.status_code == 200
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "://" not in page.text
    parts = PARTS.findall(page.text)
    assert len(parts) >= 3
    for part in parts:
        answer = requests.get(stranger.url + part, timeout=60)
        assert answer.status_code == 200, part
        assert len(answer.content) > 100
        assert answer.headers["Cache-Control"] == "public, max-age=3600", part
        assert answer.headers["X-Content-Type-Options"] == "nosniff", part
    own = requests.get(stranger.url + parts[-1], timeout=60).text
    assert '"/openapi.json"' in own


@pytest.mark.parametrize("path", PAGES)
def test_page_has_a_strict_policy(stranger: Client, path: str) -> None:
    page = requests.get(stranger.url + path, timeout=60)
    policy = directives(page.headers["Content-Security-Policy"])
    assert policy["default-src"] == {"'none'"}
    assert policy["script-src"] == policy["connect-src"] == {"'self'"}
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == {"'none'"}
    # Neither the page nor an attacker has a script in its text.
    assert not re.search(r"<script(?![^>]*\bsrc=)|\bon\w+=|javascript:|<style|\bstyle=", page.text)
    for name, sources in policy.items():
        assert not sources & {"*", "http:", "https:", "'unsafe-eval'", "'unsafe-inline'"}, name


def test_logo_of_redoc_comes_from_this_server(stranger: Client) -> None:
    script = requests.get(stranger.url + "/docs/redoc.standalone.js", timeout=60)
    assert script.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert "Redoc" in script.text
    assert "cdn.redoc" not in script.text
    assert 'src:"/docs/favicon-32x32.png"' in script.text


@pytest.mark.parametrize(
    "name", ["x.js", "docs.html", "problem.html", "index.html", "..%2fapp.py", "%2e%2e/config.py"]
)
def test_pages_serve_their_own_files_only(stranger: Client, name: str) -> None:
    assert requests.get(f"{stranger.url}/docs/{name}", timeout=60).status_code == 404
    assert requests.get(f"{stranger.url}/reference/{name}", timeout=60).status_code == 404
