"""Bookings of this build with and without the events and jobs that each of them writes."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator

import psycopg

from drills.bench.load import Meter, Round, alone
from drills.bench.paths import BOOK
from drills.bench.stacks import Stack

NAME = "events"  # of these rounds
SILENT = "this build, without events"
TRIGGER = "consultations_write_events_when_booked"


def turns(meter: Meter, stack: Stack, clients: int, seconds: int, rounds: int) -> Iterator[Round]:
    """Rounds of bookings with and without events, in turn; each turn begins with the other."""
    for number in range(rounds):
        for with_events in (True, False) if number % 2 else (False, True):
            with alone(), contextlib.nullcontext() if with_events else silence(stack):
                found = meter.quiet_round(stack, BOOK, clients, seconds)
            name = stack.name if with_events else SILENT
            yield dataclasses.replace(found, stack=name, path=NAME)


@contextlib.contextmanager
def silence(stack: Stack) -> Iterator[None]:
    """No booking writes an event, and so none enqueues a job, until the block ends."""
    switch(stack, "disable")
    try:
        yield
    finally:
        switch(stack, "enable")


def switch(stack: Stack, verb: str) -> None:
    with psycopg.connect(stack.connection) as connection:
        connection.execute(f"alter table app.consultations {verb} trigger {TRIGGER}".encode())
