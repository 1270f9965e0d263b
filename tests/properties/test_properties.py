"""Random histories of the clinic, fifty steps each. Long form: `make drill NAME=properties`."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from contextlib import closing

import psycopg
import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from scripts.server import Cluster
from tests.properties.machine import ACTORS, CLOCK, History, World
from tests.properties.model import FEE
from tests.support.sql_client import Person, SqlClient

FEW = 100
STEPS = 50
OPERATIONS = 8
HASH = "$2b$04$" + "." * 53  # the hash of no known password


@pytest.fixture
def world(cluster: Cluster, new_database: Callable[[], str]) -> Iterator[World]:
    url = cluster.url(new_database())
    with psycopg.connect(url, autocommit=True) as connection:
        people = {actor.name: new_person(connection, *actor) for actor in ACTORS}
        connection.execute(CLOCK)
    with closing(SqlClient(url)) as client:
        client.connection.execute("set session authorization telemed_api")
        yield World(client, people)


def new_person(connection: psycopg.Connection, name: str, role: str) -> Person:
    email = f"{name.replace(' ', '')}@model.test"
    with connection.transaction():
        ((user_id,),) = connection.execute(
            "with made as materialized (select app.uuid_v7() as id)"
            " select m.id::text from made as m, app.create_user(m.id, %s, %s, %s, %s)",
            (email, HASH, name, role),
        ).fetchall()
        if role == "doctor":
            connection.execute(
                "insert into app.doctors (user_id, specialty, time_zone, fee_minor, currency)"
                " values (%s, 'Dermatology', 'UTC', %s, 'EUR')",
                (user_id, FEE),
            )
        ((session_id,),) = connection.execute(
            "insert into app.sessions (user_id) values (%s) returning id::text", (user_id,)
        ).fetchall()
    return Person(user_id, role, session_id)


def test_functions_agree_with_the_model(world: World) -> None:
    runs = int(os.environ.get("PROPERTY_RUNS") or FEW)
    chosen = os.environ.get("SEED") or (
        str(random.SystemRandom().randrange(10**9)) if runs > FEW else "1"
    )
    print(f"\nproperties: {runs} runs of {STEPS} steps, SEED={chosen}")
    History.world = world
    run_state_machine_as_test(
        seed(int(chosen))(History),
        settings=settings(
            max_examples=runs,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    answers = sorted(world.answers.items())
    print("properties:", ", ".join(f"{name} {outcome} {n}" for (name, outcome), n in answers))
    # For every seed, each operation has succeeded at least once.
    assert len([name for (name, outcome) in world.answers if outcome == "done"]) == OPERATIONS
