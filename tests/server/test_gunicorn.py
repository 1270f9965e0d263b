"""gunicorn is unchanged where the worker and the hooks rely on it; decision 16 is complete."""

from __future__ import annotations

import ast
import hashlib
import inspect
import re
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import pytest
from gunicorn import arbiter, sock  # type: ignore[import-untyped]
from gunicorn.http import body, message, parser, wsgi  # type: ignore[import-untyped]
from gunicorn.workers import base, gthread  # type: ignore[import-untyped]

from api import gunicorn_worker
from scripts.system import CHECKOUT

PAGE = CHECKOUT / "docs/decisions/0016-additions-to-gunicorn.md"
CONFIGURATION = CHECKOUT / "gunicorn.conf.py"
ORDINARY_HOOKS = {"when_ready", "post_fork", "worker_exit"}  # the page has a sentence on them

# Methods that the module overrides, calls, is called by or replaces, with the beginning of the
# SHA-256 of their source. When gunicorn changes one, read it, run the tests that the page names,
# and record the new digest.
SOURCES: dict[Callable[..., Any], str] = {
    message.Request.__init__: "f1feb7cdea22",
    parser.Parser.__next__: "b8536520e958",
    parser.Parser.finish_body: "54c5d0d28c26",
    body.LengthReader.read: "be99a0aa587f",
    wsgi.create: "2c35d4a2dc62",
    wsgi.Response.default_headers: "cb490cea5d6f",
    wsgi.Response.send_headers: "7aff3b7d004f",
    wsgi.Response.write: "a13659ff072c",
    wsgi.Response.close: "1e78fc7777ff",
    gthread.ThreadWorker.handle: "ca85c9be3df7",
    gthread.ThreadWorker.handle_request: "6d0de5b91910",
    gthread.ThreadWorker.run: "f92c7394d857",
    base.Worker.__init__: "e0f1de2d6057",
    base.Worker.notify: "7f509bc4046b",
    base.Worker.handle_exit: "e2f7159c426d",
    base.Worker.init_process: "114caccd7a0e",
    base.Worker.init_signals: "65442e0602b0",
    base.Worker.handle_error: "75426448389b",
    arbiter.Arbiter.run: "1ddfab9d644f",
    arbiter.Arbiter.handle_term: "93d583480a66",
    arbiter.Arbiter.handle_hup: "50de80005cd6",
    arbiter.Arbiter.stop: "7138b6afd9c4",
    arbiter.Arbiter.reload: "fec344d2f774",
    arbiter.Arbiter.spawn_worker: "6abc0d90b0b9",
    sock.TCPSocket.get_backlog: "b8e28b256c60",
}


@pytest.mark.parametrize("method", SOURCES, ids=lambda method: method.__qualname__)
def test_gunicorn_method_that_the_worker_relies_on_is_unchanged(
    method: Callable[..., Any],
) -> None:
    digest = hashlib.sha256(inspect.getsource(method).encode()).hexdigest()[:12]
    changed = f"gunicorn {version('gunicorn')} changed {method.__qualname__}: see {PAGE.name}"
    assert digest == SOURCES[method], changed


def test_every_addition_to_gunicorn_has_a_row_in_the_decision_that_names_a_test() -> None:
    rows = re.findall(r"^\| `([\w.]+)` \|.*\| (.*) \|$", PAGE.read_text(), re.MULTILINE)
    overrides = {
        f"Worker.{name}"
        for name in vars(gunicorn_worker.Worker)
        if not name.startswith("_") and hasattr(gthread.ThreadWorker, name)
    }
    hooks = set(re.findall(r"^\w+ = hooks\.(\w+)$", CONFIGURATION.read_text(), re.MULTILINE))
    additions = overrides | {"handle_term", "handle_hup"} | hooks - ORDINARY_HOOKS
    assert sorted(name for name, _ in rows) == sorted(additions)
    tests = "\n".join(file.read_text() for file in (CHECKOUT / "tests").rglob("test_*.py"))
    for name, cell in rows:
        named = re.findall(r"`(test_\w+)`", cell)
        assert named, name
        assert [test for test in named if f"def {test}(" not in tests] == [], name


def test_gunicorn_configuration_defines_no_function() -> None:
    tree = ast.parse(CONFIGURATION.read_text())
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
    assert not [node for node in ast.walk(tree) if isinstance(node, kinds)]
