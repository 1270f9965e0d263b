"""Folders import in one direction: no circle, and no test folder imports another one."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from scripts.system import CHECKOUT

ROOTS = ("api", "console", "worker", "scripts", "tests", "drills")
# Every test may import these, and they import no test.
SHARED = {
    *("tests", "tests/support", "api", "api/resources", "console", "console/pages"),
    *("worker", "worker/tasks", "scripts"),
}


def imports_of_folders(root: Path) -> dict[str, set[str]]:
    """The other folders that each folder of `root` imports."""
    found: dict[str, set[str]] = defaultdict(set)
    for top in ROOTS:
        for path in (root / top).rglob("*.py"):
            folder = str(path.parent.relative_to(root))
            imported = {_folder(root, module) for module in _modules(path)} - {None, folder}
            found[folder] |= {name for name in imported if name}
    return dict(found)


def _modules(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _folder(root: Path, module: str) -> str | None:
    """The folder of a module, a package, or a name in a module. None if it is not one of ROOTS."""
    parts = module.split(".")
    if parts[0] not in ROOTS:
        return None
    while parts:
        path = root.joinpath(*parts)
        if path.is_dir():
            return str(path.relative_to(root))
        if path.with_suffix(".py").is_file():
            return str(path.parent.relative_to(root))
        parts.pop()
    return None


@pytest.fixture
def graph() -> dict[str, set[str]]:
    return {folder: set(imported) for folder, imported in _ours().items()}


@cache
def _ours() -> dict[str, set[str]]:
    return imports_of_folders(CHECKOUT)


def test_folders_have_no_import_circle(graph: dict[str, set[str]]) -> None:
    # Allowed: api/app.py imports the resources, and the resources import modules of api.
    graph["api"] -= {"api/resources"}
    # api/app.py also registers the console, which reads the settings. The console registers its
    # pages, which import its modules.
    graph["api"] -= {"console"}
    graph["console"] -= {"console/pages"}
    # Likewise worker/app.py names the package of the tasks, and each task imports worker.
    graph["worker"] -= {"worker/tasks"}
    TopologicalSorter(graph).prepare()


def test_folders_of_tests_and_drills_import_no_neighbour(graph: dict[str, set[str]]) -> None:
    sideways = {
        folder: neighbours
        for folder, imported in graph.items()
        if folder.startswith(("tests/", "drills/"))
        and (neighbours := imported - SHARED - ({"drills"} if "drills/" in folder else set()))
    }
    assert sideways == {}


def test_tests_import_no_drill(graph: dict[str, set[str]]) -> None:
    assert not [
        (folder, name)
        for folder, imported in graph.items()
        if folder.startswith("tests")
        for name in imported
        if name.startswith("drills")
    ]


def test_import_circle_is_found(tmp_path: Path) -> None:
    (tmp_path / "tests/one").mkdir(parents=True)
    (tmp_path / "tests/two").mkdir()
    (tmp_path / "tests/one/a.py").write_text("from tests.two.b import x\n")
    (tmp_path / "tests/two/b.py").write_text("import tests.one.a\n")
    with pytest.raises(CycleError):
        TopologicalSorter(imports_of_folders(tmp_path)).prepare()
