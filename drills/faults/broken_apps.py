"""Broken builds of the API that SQL alone cannot make; gunicorn serves them instead of the API."""

from __future__ import annotations

import contextlib
import random
from functools import partial

from flask import Flask, Response, after_this_request, g, request

from api import db
from api.app import create_app

# The functions that key_apart_from_booking calls.
APART = """
create function api.known_answer(p_key text) returns jsonb language sql stable security definer
as $$
    select response from app.idempotency_keys
     where user_id = current_setting('app.user_id')::uuid and operation = 'book_consultation'
       and key = p_key
$$;
create function api.store_answer(p_key text, p_answer text) returns void
language sql volatile security definer
as $$
    insert into app.idempotency_keys
        (user_id, operation, key, fingerprint, fingerprint_version, resource_id, response)
    values (current_setting('app.user_id')::uuid, 'book_consultation', p_key, sha256(''), 0,
        (p_answer::jsonb ->> 'id')::uuid, p_answer::jsonb)
    on conflict do nothing
$$;
grant execute on function api.known_answer, api.store_answer to telemed_api;
"""


def key_apart_from_booking() -> Flask:
    """The key is looked up, the booking made and the key stored in three transactions."""
    original = db.call

    def call(function: str, **arguments: object) -> bytes:
        if function != "book_consultation":
            return original(function, **arguments)
        key = arguments.pop("idempotency_key")
        known = original("known_answer", key=key)
        if known and known != b"null":
            g.replayed = True
            return known
        answer = original(function, **arguments)
        db.run("store_answer", key=key, answer=answer.decode())
        return answer

    db.call = call
    return create_app()


def acknowledged_before_commit() -> Flask:
    """The answer is sent before COMMIT."""
    original = db._execute

    def execute(statement: bytes, values: tuple[object, ...], *, repeatable: bool = False) -> bytes:
        if request.method == "GET":
            return original(statement, values, repeatable=repeatable)
        borrowed = contextlib.ExitStack()
        connection = borrowed.enter_context(db._borrow())
        try:
            connection.execute("begin")
            value = connection.value(statement, db._context() + values, prepare=False)
        except BaseException:
            connection.close()
            borrowed.close()
            raise

        def commit() -> None:
            with borrowed, contextlib.suppress(Exception):
                connection.execute("commit")

        def after(commit: partial[None], response: Response) -> Response:
            response.call_on_close(commit)
            return response

        after_this_request(partial(after, partial(commit)))
        return db._answer(value, connection.notices)

    db._execute = execute
    return create_app()


def every_write_repeated() -> Flask:
    """After a lost connection, every request is sent again, even a write without a key."""
    original = db._execute

    def execute(statement: bytes, values: tuple[object, ...], *, repeatable: bool = False) -> bytes:
        answer = original(statement, values, repeatable=True)
        # Faults seldom hit the moment between COMMIT and its answer: simulate it now and then.
        if request.method == "POST" and not repeatable and random.random() < 0.2:
            return original(statement, values, repeatable=True)
        return answer

    db._execute = execute
    return create_app()
