"""`make add`: a change with its scripts and a test, from the templates of Sqitch."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from scripts.system import CHECKOUT

CHANGE = "consultations/praise_consultation"
KINDS = ("deploy", "revert", "verify", "tests")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the plan and of all scripts."""
    shutil.copytree(CHECKOUT / "db", tmp_path / "db")
    (tmp_path / "scripts").mkdir()
    for name in ("sqitch.plan", "sqitch.conf", "scripts/add.sh"):
        shutil.copy(CHECKOUT / name, tmp_path / name)
    return tmp_path


def add(
    copy: Path, change: str, note: str = "", table: str = ""
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ("sh", "scripts/add.sh", change, note, table),
        cwd=copy,
        env={**os.environ, "SQITCH_FULLNAME": "Tests", "SQITCH_EMAIL": "tests@example.com"},
        capture_output=True,
        text=True,
    )


def written(copy: Path, change: str) -> dict[str, str]:
    return {kind: (copy / f"db/{kind}/{change}.sql").read_text() for kind in KINDS}


def test_added_function_has_a_plan_line_and_four_files(copy: Path) -> None:
    result = add(copy, CHANGE, note="Praise of a patient")
    assert result.returncode == 0, result.stderr
    line = (copy / "sqitch.plan").read_text().splitlines()[-1]
    assert line.startswith(f"{CHANGE} [identity/require_role ")
    assert line.endswith(" # Praise of a patient")
    files = written(copy, CHANGE)
    assert files["deploy"].startswith(f"-- Deploy telemed:{CHANGE} to pg\n")
    assert files["revert"].startswith(f"-- Revert telemed:{CHANGE} from pg\n")
    assert files["verify"].startswith(f"-- Verify telemed:{CHANGE} on pg\n")
    assert "returns api.consultations\n" in files["deploy"]
    assert "fail('praise_consultation: " in files["tests"]
    for text in files.values():
        assert "[%" not in text
        assert "\n\n\n" not in text
        assert "praises" not in text


def test_added_table_is_deployed_and_reverted_with_its_function(copy: Path) -> None:
    result = add(copy, CHANGE, table="praises")
    assert result.returncode == 0, result.stderr
    line = (copy / "sqitch.plan").read_text().splitlines()[-1]
    assert " audit/record_change " in line
    assert line.endswith(" # Praise consultation")
    files = written(copy, CHANGE)
    assert "create table app.praises (" in files["deploy"]
    assert "alter table app.praises force row level security" in files["deploy"]
    guard = "select app.refuse_to_lose_rows('praises');"
    assert guard in files["revert"].partition("drop table app.praises;")[0]
    assert "from app.praises" in files["verify"]


def test_function_added_to_operations_is_for_dbas_only(copy: Path) -> None:
    assert add(copy, "operations/count_beds").returncode == 0
    files = written(copy, "operations/count_beds")
    assert "perform app.forget_actor();" in files["deploy"]
    assert "grant execute on function ops.count_beds to telemed_dba;" in files["deploy"]
    assert "telemed_api" not in "".join(files.values())


@pytest.mark.parametrize(
    ("change", "table", "message"),
    [
        ("", "", "CHANGE is a domain and a name"),
        ("praise_consultation", "", "CHANGE is a domain and a name"),
        ("consultations/Praise", "", "CHANGE is a domain and a name"),
        ("consultations/../x", "", "CHANGE is a domain and a name"),
        ("clinic/praise", "", "there is no domain 'clinic' in db/deploy, but: analytics audit"),
        ("payments/book_consultation", "", "the name is taken: db/deploy/consultations/book_"),
        ("foundation/praise", "", "no function of db/deploy/foundation returns a row of api"),
        (CHANGE, "Praise", "TABLE is a plural in lower case"),
        (CHANGE, "payments", "there is a table app.payments already"),
    ],
)
def test_change_that_cannot_be_added_is_refused(
    copy: Path, change: str, table: str, message: str
) -> None:
    before = (copy / "sqitch.plan").read_text()
    result = add(copy, change, table=table)
    assert result.returncode == 1
    assert result.stderr.startswith("add: ")
    assert message in result.stderr
    assert (copy / "sqitch.plan").read_text() == before
