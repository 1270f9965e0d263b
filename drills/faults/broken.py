"""Builds that are broken on purpose. The drill is worthless if it calls one of them sound."""

from __future__ import annotations

from dataclasses import dataclass, field

from drills import proxy
from drills.faults import broken_apps, faults
from drills.stage import DATABASE


@dataclass(frozen=True)
class Broken:
    """One broken build, and the rules of the checker that may catch it."""

    name: str
    what: str
    caught_by: set[str]
    patch: str = ""
    app: str = ""
    pause: float = 0.15  # seconds between two faults, on average
    faults: dict[str, int] = field(default_factory=lambda: {proxy.CUT_AFTER_COMMIT: 1})


def replacing(function: str, old: str, new: str = "") -> str:
    """SQL that replaces a text in a function, and fails when the function does not contain it."""
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
        "Booking checks the slot without a lock, and no constraint prevents a second booking.",
        {"a_slot_is_held_by_one_consultation"},
        patch=replacing("api.book_consultation", "for no key update")
        + replacing(
            "app.consultations_have_the_doctor_and_time_of_their_slot",
            "and s.status = 'open'\n    for no key update",
        )
        + "drop index app.consultations_one_per_slot;",
    ),
    Broken(
        "keys not per user",
        "A key is looked up without its user, and row-level security is off.",
        {"every_answer_is_expected", "acknowledged_writes_are_stored"},
        patch=replacing("app.claim_key", "k.user_id = p_user_id and k.operation", "k.operation")
        + "alter table app.idempotency_keys disable row level security;",
    ),
    Broken(
        "key in another transaction",
        "The booking and its key are committed one after the other.",
        {"a_refusal_leaves_no_trace", "nothing_happens_twice"},
        patch=broken_apps.APART
        + replacing("api.book_consultation", "perform app.require_key(p_idempotency_key);"),
        app="drills.faults.broken_apps:key_apart_from_booking()",
    ),
    Broken(
        "no audit of updates",
        "The audit log has the creation of consultations and not their changes.",
        {"the_audit_log_leads_to_the_rows", "acknowledged_writes_are_stored"},
        patch="""
            drop trigger consultations_are_audited on app.consultations;
            create trigger consultations_are_audited after insert on app.consultations
            for each row execute function app.record_change('id');
        """,
    ),
    Broken(
        "answer before COMMIT",
        "The client gets the answer, and then the transaction commits.",
        {"acknowledged_writes_are_stored", "every_key_has_one_outcome"},
        app="drills.faults.broken_apps:acknowledged_before_commit()",
        faults={proxy.CUT_BEFORE: 1, faults.TERMINATE: 1},
    ),
    Broken(
        "COMMIT before the flush",
        "synchronous_commit is off: COMMIT returns before the WAL is on the disk.",
        {"acknowledged_writes_are_stored", "every_key_has_one_outcome"},
        patch=f"alter role telemed_api in database {DATABASE} set synchronous_commit = off;",
        pause=0.6,  # long enough for some writes to be acknowledged
        faults={faults.KILL_DATABASE: 1},
    ),
    Broken(
        "keys not per operation",
        "A key is looked up without the operation that it was used for.",
        {"every_answer_is_expected", "acknowledged_writes_are_stored"},
        patch=replacing("app.claim_key", " and k.operation = p_operation"),
    ),
    Broken(
        "keys for any request",
        "A key is accepted with another request than the first one.",
        {"another_request_under_a_used_key_is_refused"},
        patch=replacing("app.claim_key", "v_known.fingerprint <> v_new.fingerprint", "false"),
    ),
    Broken(
        "writes without a key repeated",
        "After a lost connection the API repeats every request, even without a key.",
        {"a_refusal_leaves_no_trace"},
        app="drills.faults.broken_apps:every_write_repeated()",
        pause=0.02,
    ),
    Broken(
        "half of the amount",
        "A payment is recorded with half of its amount.",
        {"the_effect_is_the_requested_one"},
        patch=replacing(
            "api.record_payment", "'payment', p_amount_minor,", "'payment', p_amount_minor / 2,"
        ),
    ),
    Broken(
        "refusals not stored",
        "A refusal is raised and not stored under its key.",
        {"every_key_has_one_outcome"},
        patch="""
            create or replace function app.refuse_under_key(
                p_key app.idempotency_keys, p_code text, p_message text,
                p_details jsonb default null)
            returns void language plpgsql volatile set search_path = pg_catalog, pg_temp
            as $$ begin perform app.refuse(p_code, p_message); end $$;
        """,
    ),
)
