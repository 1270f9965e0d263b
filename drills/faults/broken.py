"""Builds that are broken on purpose. A drill that calls one of them sound proves nothing."""

from __future__ import annotations

from dataclasses import dataclass, field

from drills import proxy
from drills.faults import broken_apps, faults
from drills.stage import DATABASE


@dataclass(frozen=True)
class Broken:
    """One broken build, and which rules of the checker may catch it."""

    name: str
    what: str
    caught_by: set[str]
    patch: str = ""
    app: str = ""
    pause: float = 0.15  # seconds between two faults, on average
    faults: dict[str, int] = field(default_factory=lambda: {proxy.CUT_AFTER_COMMIT: 1})


def replacing(function: str, old: str, new: str = "") -> str:
    """SQL that replaces a text in a function, and fails when it is not there."""
    return f"""
        do $patch$
        declare
            v_old text := pg_get_functiondef('{function}'::regproc);
            v_new text := replace(v_old, $old${old}$old$, $new${new}$new$);
        begin
            if v_new = v_old then
                raise exception '{function} has nothing to break';
            end if;
            execute v_new;
        end;
        $patch$;
    """


BUILDS = (
    Broken(
        "check, then insert",
        "Booking looks whether the slot is open, without a lock, and no constraint stands behind.",
        {"a_slot_is_held_by_one"},
        patch=replacing("api.book_consultation", "for no key update")
        + replacing(
            "app.consultations_have_the_doctor_and_time_of_their_slot",
            "and s.status = 'open'\n    for no key update",
        )
        + "drop index app.consultations_one_per_slot;",
    ),
    Broken(
        "keys without users",
        "A key is looked up without the user whom it belongs to, and row-level security is off.",
        {"every_answer_is_a_proper_one", "acknowledged_writes_are_there"},
        patch=replacing("app.claim_key", "k.user_id = p_user_id and k.operation", "k.operation")
        + "alter table app.idempotency_keys disable row level security;",
    ),
    Broken(
        "key apart from the booking",
        "The booking and its key are committed one after the other.",
        {"a_refusal_leaves_no_trace", "nothing_happens_twice"},
        patch=broken_apps.APART
        + replacing("api.book_consultation", "perform app.require_key(p_idempotency_key);"),
        app="drills.faults.broken_apps:key_apart_from_booking()",
    ),
    Broken(
        "no audit of updates",
        "The trail has what was made, and not what became of it.",
        {"the_trail_leads_to_the_rows", "acknowledged_writes_are_there"},
        patch="""
            drop trigger consultations_are_audited on app.consultations;
            create trigger consultations_are_audited after insert on app.consultations
            for each row execute function app.record_change('id');
        """,
    ),
    Broken(
        "answer before COMMIT",
        "The client hears that it is done, and then it is committed.",
        {"acknowledged_writes_are_there", "every_key_has_one_outcome"},
        app="drills.faults.broken_apps:acknowledged_before_commit()",
        faults={proxy.CUT_BEFORE: 1, faults.TERMINATE: 1},
    ),
    Broken(
        "COMMIT before the disk",
        "synchronous_commit is off: COMMIT answers before it is written.",
        {"acknowledged_writes_are_there", "every_key_has_one_outcome"},
        patch=f"alter role telemed_api in database {DATABASE} set synchronous_commit = off;",
        pause=0.6,  # in which something is acknowledged
        faults={faults.KILL_DATABASE: 1},
    ),
    Broken(
        "keys without kinds",
        "A key is looked up without the kind of request that it was used for.",
        {"every_answer_is_a_proper_one", "acknowledged_writes_are_there"},
        patch=replacing("app.claim_key", " and k.operation = p_operation"),
    ),
    Broken(
        "keys for anything",
        "Whether a key comes back with the same request is not looked at.",
        {"another_request_under_a_used_key_is_refused"},
        patch=replacing("app.claim_key", "v_known.fingerprint <> v_new.fingerprint", "false"),
    ),
    Broken(
        "writes without a key repeated",
        "After a lost connection the API sends every request once more, key or not.",
        {"a_refusal_leaves_no_trace"},
        app="drills.faults.broken_apps:every_write_repeated()",
        pause=0.02,
    ),
    Broken(
        "something else",
        "A payment is recorded with half of its amount.",
        {"what_is_done_is_what_was_asked_for"},
        patch=replacing(
            "api.record_payment", "'payment', p_amount_minor,", "'payment', p_amount_minor / 2,"
        ),
    ),
    Broken(
        "refusals forgotten",
        "A refusal is told and not stored under its key.",
        {"every_key_has_one_outcome"},
        patch="""
            create or replace function app.refuse_under_key(
                p_key app.idempotency_keys, p_code text, p_message text)
            returns void language plpgsql volatile set search_path = pg_catalog, pg_temp
            as $$ begin perform app.refuse(p_code, p_message); end $$;
        """,
    ),
)
