"""Mutants that may survive, and the reasons."""

from __future__ import annotations

import re

from drills.mutants.catalog import Mutant

# A pattern for the names of mutants, and the reason. Equivalent mutants behave like the original
# for every input: they are not counted.
EQUIVALENT: tuple[tuple[str, str], ...] = (
    (
        r"app\.\w+_invariants\(.*: `>=` becomes `>`, in `.*(id|text) >=( v_fi|`$)",
        "no row has the lowest identifier of a millisecond",
    ),
    (
        r"app\.\w+_invariants\(.*: `>=` becomes `>`, in `.*>= v_(logged|keyed)",
        "the audit log and the keys are read from well before the rows that they are compared with",
    ),
    (
        r"app\.\w+_invariants\(.*, in `and o\.starts_at > c\.starts_at - interval '24 hours'",
        "no consultation lasts longer than 24 hours, so an earlier one cannot overlap;"
        " the next line compares exactly",
    ),
    (
        r"(1900-01-01 00:00:00\+00|infinity)` becomes something else",
        "PostgreSQL ignores a question mark in a time",
    ),
    (
        r"ops\.verify_audit\(.*: no coalesce, in `coalesce\(lag\(s\.month\)",
        "the first seal has a range of its own, so that no earlier month is checked",
    ),
    (
        r"app\.instant_of\(.*: `interval '24` becomes `25`",
        "no time zone changes its offset twice within two days",
    ),
    (
        r"app\.present_cause\(.*, in `if split_part\(v_name",
        "the whole stack is searched instead, with the same result",
    ),
    (
        r"work\.(hold|claim)_message\(.*: `if not found` is false",
        "an empty row has an obstacle, and no message is skipped",
    ),
    (
        r"app\.next_events\(.*: (`if p_id < v_first` is true|`<` becomes `<=`, in `if p_id)",
        "from a place behind v_first on, no event is before v_first",
    ),
    (
        r"app\.events_invariants\(.*: `>` becomes `>=`, in `and o\.id > lag\(o\.id\)",
        "no two events have one id",
    ),
    (
        r"app\.note_missing_events\(.*: `<` becomes `<=`, in `update app\.event_origin",
        "the month is replaced by itself",
    ),
    (
        r"app\.first_event_of_cluster\(.*: `if not found` is true",
        "the row is read again, with the same result",
    ),
    (
        r"api\.list_webhook\w+\(.*: `1` becomes `2`, in `order by .* limit p_lim",
        "one row more is read and left out of the page",
    ),
    (
        r"work\.settle_delivery\(.*: `0` becomes `1`, in `interval '1 second'",
        "every pause of the back-off is longer than a second",
    ),
    (
        r"api\.redeliver_webhook\(.*: `1001` becomes",
        "more than 1000 events are refused, whether 1001 or 1002 of them are read",
    ),
    (
        r"api\.list_webhook\w+\(.*: `list_webhook\w+` becomes something else",
        "the name distinguishes the cursors from those of other lists",
    ),
    (
        r"ops\.attendance\(.*(`>` becomes `>=`, in `and e\.seq|`0` becomes `1`, in `where r)",
        "the first event of a consultation is its booking, and a reschedule is no join",
    ),
    (
        r"api\.join_consultation\(.*: `<` becomes `<=`, in `when app\.clock\(\) < lower",
        "at that instant the room is open, and nothing is refused",
    ),
    (
        r"work\.claim_delivery\(.*: `greatest\(` becomes",
        "one of the two times is always null",
    ),
    (
        r"work\.fail_message\(.*: `10` becomes `11`",
        "an hour is the upper limit before either exponent is reached",
    ),
    (
        r"work\.dispatch_event\(.*: `if v_event\.id is null` is false",
        "an empty event leads to nothing",
    ),
    (
        r"app\.webhook_body_of_event\(.*: no coalesce",
        "the data of an event are never null",
    ),
    (
        r"app\.caller_of_change\(.*: no nullif, in .*verified_role",
        "a verified user has a role",
    ),
    (
        r"app\.adapt_queue\(.*: `D` becomes something else",
        "a trigger that is disabled is disabled again",
    ),
    (
        r"app\.adapt_queue\(.*(`f` becomes something else|no coalesce, in `and 'plan_cache_mode)",
        'the type "char" has one byte; the loop before has given each function a setting',
    ),
    (
        r"(list_events|first_event_of_\w+)\(.*: `0` becomes something else, in `.*transaction_id",
        "PostgreSQL ignores a question mark after the digits of an xid8",
    ),
    (
        r"app\.present_cause\(.*, in `v_name := split_part",
        "the whole stack is searched instead, with the same result",
    ),
    (
        r"app\.add_deliveries_of_event\(.*: `<` becomes `<=`, in `and o\.sequence_number",
        "the event itself is added once",
    ),
    (
        r"app\.doctor_has_patient\(.*: `desc` becomes `asc`",
        "the answer is the same whichever consultation is found first",
    ),
    (
        r"app\.new_recovery_code\(.*: `24` becomes `25`",
        "one random byte more is drawn and not used",
    ),
    (
        r"app\.forget_log_in_attempt\(.*: `interval '1` becomes `2`",
        "any time before the longest delay has the same effect",
    ),
)
# These behave differently, but no test checks the difference.
NOT_TESTED: tuple[tuple[str, str], ...] = (
    (
        r"api\.(has_replayed|read_position|require_confirmation|confirm_answer)\(",
        "only a standby shows it, and the mutants have none: tests/server/test_replicas.py and"
        " test_standby.py",
    ),
    (
        r"app\.\w+_invariants\(.*: `1` becomes `2`, in `limit 1`",
        "a row that overlaps two others is named twice: the count is larger, the finding the same",
    ),
    (
        r"app\.make_password_reset\(.*: `true` becomes `false`, in `perform pg_logical",
        "the way in which the message is written shows only in the time that an answer takes",
    ),
    (
        r"app\.forget_log_in_attempt\(.*: no (for no key update|`perform from)",
        "the update locks the same rows; the order only prevents deadlocks, after which the API"
        " repeats the call",
    ),
    (
        r"app\.record_change\(\).*: no coalesce, in `if coalesce\(current_setting",
        "the result differs only in a session without an earlier actor, in which a superuser"
        " changes a row after signing a context by hand",
    ),
    (
        r"app\.create_partition\(.*: no `perform pg_advisory_xact_lock",
        "ops.create_partitions and ops.drop_partitions hold the lock already",
    ),
    (
        r"app\.deactivated_doctors_offer_no_slots\(.*for no key up",
        "the trigger that closes the practice has locked the doctor already",
    ),
    (
        r"work\.hold_message\(.*: `true` becomes `false`, in `perform set_config",
        "the limit would hold in later transactions of the session as well; pgTAP has one",
    ),
    (
        r"work\.hold_message\(.*: no for no key update",
        "the lease, which is checked as well, keeps other workers away for as long",
    ),
    (
        r"work\.settle_delivery\(.*: no for no key update",
        "each update of the endpoint or the delivery locks it; the first lock orders them",
    ),
    (
        r"work\.settle_delivery\(.*: `5` becomes `6`",
        "the jitter is drawn by chance, and a smaller one is within its bound",
    ),
    (
        r"app\.first_event_of_cluster\(.*: `if not found` (is false|becomes)",
        "it makes a difference only to two first calls at once after a restore",
    ),
    (
        r"api\.list_events\(.*: `5000` becomes `5001`",
        "a filter may look through one row more",
    ),
    (
        r"work\.enqueue_due_jobs\(.*: `(1000|interval '1)` becomes",
        "a job more in one call, or a job a minute earlier, waits in the queue for its time",
    ),
    (
        r"api\.list_events\(.*: `>=` becomes `>`, in `or v_transaction_id",
        "transactions of other sessions begin while the test runs, so none is exactly the next",
    ),
    (
        r"work\.dispatch_slot_events\(.*: `>=` becomes `>`, in `and e\.occurred_at",
        "an event of the very moment at which the endpoint was enabled may be delivered or not",
    ),
    (
        r"work\.audit_seals\(.*: `10000` becomes",
        "one seal more of very many",
    ),
    (
        r"app\.events_invariants\(.*: `<` becomes `<=`, in `l\.state is null",
        "a consultation that changed at the very first instant of what is kept",
    ),
    (
        r"app\.events_invariants\(.*: `interval '24` becomes `25`",
        "events are read from well before the rows that they are compared with",
    ),
    (
        r"work\.(requeue_messages|resume_deliveries)\(.*(`1000` becomes|no coalesce, in `order by)",
        "how many of more than 1,000 rows are enqueued first",
    ),
    (
        r"app\.caller_of_change\(.*`true` becomes `false`, in .*current_",
        "in a session of pgTAP the setting exists, because somebody was signed in before",
    ),
    (
        r"app\.adapt_queue\(.*: `<>` becomes `=`, in `<> all",
        "the functions of the library have no settings of their own",
    ),
    (
        r"app\.add_deliveries_of_event\(.*, in `and o\.occurred_at >= p_event",
        "a dispatch is never late by a week: a day more or less is the same",
    ),
    (
        r"app\.resume_consultation\(.*: `1` becomes `2`",
        "a job for a delivery that has to wait does nothing",
    ),
    (
        r"work\.(fold_activity\(.*`100000` becomes|delete_ended_jobs\(.*`<` becomes `<=`)",
        "one row more, or one of exactly this age, may go or stay",
    ),
    (
        r"app\.calendar_of_token\(.*: `2000` becomes",
        "one entry more of very many",
    ),
    (
        r"app\.next_events\(.*: `<` becomes `<=`, in `and e\.transaction_id",
        "a transaction alone sees its own events while it is open: list_events.sql notices that"
        " if no older transaction is open beside it",
    ),
    (
        r"app\.set_actor\(.*: no coalesce",
        "the result differs only for a connection that set app.verified_user_id as it was opened;"
        " the tests that run here have no such connection",
    ),
    (
        r"app\.time_off_withdraws_open_slots\(.*for no key up",
        "api.take_time_off has locked the doctor already; the lock is for inserts by hand",
    ),
    (
        r"ops\.clinic_overview\(.*pg_stat_activity",
        "connections come and go while the tests run",
    ),
    (
        r"api\.reschedule_consultation\(.*: `if v_slot\.doctor_id <> v_current.* is false",
        "consultations_have_the_doctor_and_time_of_their_slot refuses it with the same code",
    ),
    (
        r"ops\.drop_partitions\(.*: `<=` becomes `<`",
        "a month that is old enough at this very microsecond may go or stay",
    ),
    (
        r"ops\.clinic_overview\(.*: `>=` becomes `>`",
        "a row that begins at this very microsecond may be counted or not",
    ),
    (
        r"ops\.advise\(.*: (`[<>]=?` becomes|`interval|`\d+` becomes)",
        "a row, an hour or a megabyte more or less is the same advice",
    ),
    (
        r"ops\.advise\(.*, in `.*(n_live_tup|n_dead_tup|last_analyze|'app'::regnamespace)",
        "advice on tables needs thousands of committed rows, and pgTAP commits none",
    ),
)


def is_equivalent(mutant: Mutant) -> bool:
    return bool(_reason(mutant, EQUIVALENT))


def explanation(mutant: Mutant) -> str:
    """The reason why it may survive; empty if there is none."""
    return _reason(mutant, (*EQUIVALENT, *NOT_TESTED))


def _reason(mutant: Mutant, reasons: tuple[tuple[str, str], ...]) -> str:
    return next((reason for pattern, reason in reasons if re.search(pattern, mutant.name)), "")
