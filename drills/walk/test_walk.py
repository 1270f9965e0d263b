"""The short form of the drill: the files of the page fit the checkout, without its commands."""

from __future__ import annotations

import ast
import shutil
from pathlib import Path

import pytest

from drills.walk import walk
from scripts.system import CHECKOUT, CommandError


@pytest.fixture(scope="module")
def steps() -> list[walk.Edit | walk.Command]:
    return walk.steps()


def test_the_walk_writes_at_most_six_files_by_hand(
    steps: list[walk.Edit | walk.Command],
) -> None:
    assert len(walk.edits_by_hand(steps)) <= 6
    commands = [step.line for step in steps if isinstance(step, walk.Command)]
    assert {"make docs", "make lint"} <= set(commands)
    assert [step.fails for step in steps if isinstance(step, walk.Command)].count(True) == 1
    # Nothing that looks like a step is overlooked.
    page = (CHECKOUT / "CONTRIBUTING.md").read_text()
    section = page.partition(walk.TITLE)[2].partition("\n## ")[0]
    assert section.count("```") == 2 * len(list(walk.STEP.finditer(section)))


def test_the_files_of_the_walk_fit_the_checkout(
    steps: list[walk.Edit | walk.Command], tmp_path: Path
) -> None:
    if any(CHECKOUT.glob("db/deploy/*/note_consultation.sql")):
        pytest.skip("the walk is followed in this checkout")
    for folder in ("db", "scripts", "api/resources", "tests/resources", "tests/security"):
        shutil.copytree(CHECKOUT / folder, tmp_path / folder)
    for file in ("sqitch.plan", "sqitch.conf", "Makefile", "CHANGELOG.md"):
        shutil.copy(CHECKOUT / file, tmp_path / file)
    for step in steps:
        if isinstance(step, walk.Edit):
            step.apply(tmp_path)
        elif step.line.startswith("make add "):
            step.run(tmp_path)
    for path in walk.edits_by_hand(steps):
        if path.endswith(".py"):
            ast.parse((tmp_path / path).read_text())


def test_a_step_that_does_not_fit_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "x.md").write_text("one\n")
    with pytest.raises(CommandError, match="no line 'two'"):
        walk.Edit("x.md", "text\n", above="two").apply(tmp_path)
    with pytest.raises(CommandError, match=r"there is no y\.md"):
        walk.Edit("y.md", "text\n").apply(tmp_path)
    with pytest.raises(CommandError, match="`false` fails"):
        walk.Command("false", fails=False).run(tmp_path)
    with pytest.raises(CommandError, match="`true` does not fail"):
        walk.Command("true", fails=True).run(tmp_path)
