"""`make run`: the environment overrides .env, and .env overrides generated values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

import pytest

from api import config
from scripts import run
from scripts.server import Cluster
from scripts.system import CommandError
from tests.support.server import new_secrets


@pytest.fixture
def private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """A private cluster that is not running, without settings and without an .env file."""
    for field in fields(config.Settings):
        monkeypatch.delenv(field.name.upper(), raising=False)
    monkeypatch.delenv("MFA_REQUIRED_ROLES", raising=False)
    monkeypatch.setenv("ENV_FILE", str(tmp_path / "env"))
    return Cluster(tmp_path / "cluster")


@pytest.fixture
def deployments(private: Cluster, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """The arguments of every deployment. None is carried out."""
    private.base.mkdir()
    done: list[dict[str, str]] = []

    def deploy(_cluster: Cluster, **given: str) -> None:
        done.append(given)

    monkeypatch.setattr(run, "deploy", deploy)
    monkeypatch.setattr(run, "run", lambda *_: "")
    monkeypatch.setattr(private, "sql", lambda *_: "1")
    return done


def write(path: Path, lines: Mapping[str, str]) -> None:
    path.write_text("".join(f"{name}='{value}'\n" for name, value in lines.items()))


@pytest.mark.parametrize(
    ("name", "of_environment", "of_file"),
    [
        *((name, value, new_secrets()[name]) for name, value in new_secrets().items()),
        ("DATABASE_URL", "postgresql://one/telemed", "postgresql://two/telemed"),
        ("DBA_DATABASE_URL", "postgresql://one/telemed", "postgresql://two/telemed"),
        ("DATABASE_POOLER", "transaction", "session"),
        ("APP_ENV", "production", "test"),
        ("RATE_LIMIT", "5 per second", "6 per second"),
        ("PORT", "8001", "8002"),
    ],
    ids=lambda value: value if value.isupper() else "",
)
def test_environment_overrides_the_file_and_the_file_overrides_defaults(
    name: str,
    of_environment: str,
    of_file: str,
    private: Cluster,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    private.base.mkdir()
    generated = run.settings(private).get(name)
    assert generated not in (of_environment, of_file)
    write(tmp_path / "env", {name: of_file})
    assert run.settings(private)[name] == of_file
    monkeypatch.setenv(name, of_environment)
    assert run.settings(private)[name] == of_environment
    # A line without a value sets nothing, except for RATE_LIMIT.
    monkeypatch.delenv(name)
    write(tmp_path / "env", {name: ""})
    assert run.settings(private).get(name) == ("" if name == "RATE_LIMIT" else generated)


def test_dollar_in_a_secret_of_the_file_is_kept(private: Cluster, tmp_path: Path) -> None:
    private.base.mkdir()
    secret = new_secrets()["SECRET_KEY"] + "${HOME}"
    write(tmp_path / "env", {"SECRET_KEY": secret})
    assert run.settings(private)["SECRET_KEY"] == secret


@pytest.mark.parametrize("place", ["environment", "file"])
def test_changed_context_key_is_deployed(
    place: str,
    private: Cluster,
    deployments: list[dict[str, str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def choose(key: str) -> None:
        if place == "file":
            write(tmp_path / "env", {"CONTEXT_KEY": key})
        else:
            monkeypatch.setenv("CONTEXT_KEY", key)

    run.prepare(private)
    run.prepare(private)
    (generated,) = deployments
    for _ in range(2):
        key = new_secrets()["CONTEXT_KEY"]
        choose(key)
        run.prepare(private)
        run.prepare(private)
        assert deployments[-1]["context_key"] == run.settings(private)["CONTEXT_KEY"] == key
    assert len(deployments) == 3
    assert generated["context_key"] not in {done["context_key"] for done in deployments[1:]}


@pytest.mark.usefixtures("deployments")
def test_invalid_setting_stops_make_run_in_one_line(
    private: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONTEXT_KEY", "short")
    with pytest.raises(CommandError, match=r"^CONTEXT_KEY is shorter than 32 bytes") as raised:
        run.prepare(private)
    assert "\n" not in str(raised.value)
