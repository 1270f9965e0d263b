"""Mutants that survive, and why that may be."""

from __future__ import annotations

import re

from drills.mutants.catalog import Mutant

# A pattern for the names of mutants, and the reason. First those that do what the original does,
# whatever comes in: they are not counted.
EQUIVALENT: tuple[tuple[str, str], ...] = (
    (
        r"app\.\w+_invariants\(.*: `>=` becomes `>`, in `.*(id|text) >=( v_first|`$)",
        "no row has the lowest identifier of a millisecond",
    ),
    (
        r"app\.\w+_invariants\(.*: `>=` becomes `>`, in `.*>= v_(logged|keyed)",
        "the trail and the keys are read from long before what they are compared with",
    ),
    (
        r"app\.\w+_invariants\(.*, in `and o\.starts_at > c\.starts_at - interval '24 hours'",
        "no consultation lasts longer than 24 hours, so that none that begins earlier overlaps;"
        " the line after it compares exactly",
    ),
    (
        r"(1900-01-01 00:00:00\+00|infinity)` becomes something else",
        "PostgreSQL reads over a question mark in a time",
    ),
    (
        r"ops\.verify_audit\(.*: no coalesce, in `coalesce\(lag\(s\.month\)",
        "the first seal has a range of its own, so that no month before is looked at",
    ),
    (
        r"app\.instant_of\(.*: `interval '24` becomes `25`",
        "no time zone changes its offset twice within two days",
    ),
    (
        r"app\.doctor_has_patient\(.*: `desc` becomes `asc`",
        "whichever consultation of the two is found first, the answer is the same",
    ),
    (
        r"app\.new_recovery_code\(.*: `24` becomes `25`",
        "one random byte more is drawn and not used",
    ),
    (
        r"app\.forget_log_in_attempt\(.*: `interval '1` becomes `2`",
        "longer ago than the longest delay is as good",
    ),
)
# And those that do something else, which no test looks at.
NOT_TESTED: tuple[tuple[str, str], ...] = (
    (
        r"app\.\w+_invariants\(.*: `1` becomes `2`, in `limit 1`",
        "whoever overlaps two others is named twice: the number is larger, the finding the same",
    ),
    (
        r"app\.make_password_reset\(.*: `true` becomes `false`, in `perform pg_logical",
        "how the message gets to the disk is seen only in how long an answer takes",
    ),
    (
        r"app\.forget_log_in_attempt\(.*: no (for no key update|`perform from)",
        "the update locks the same rows; their order only keeps two from a deadlock, which the API"
        " repeats",
    ),
    (
        r"app\.record_change\(\).*: no coalesce, in `if coalesce\(current_setting",
        "it makes a difference where nobody has acted yet in a session and a superuser who changes"
        " a row by hand has signed a context by hand, too",
    ),
    (
        r"app\.create_partition\(.*: no `perform pg_advisory_xact_lock",
        "ops.create_partitions and ops.drop_partitions have the lock already",
    ),
    (
        r"app\.deactivated_doctors_offer_no_slots\(.*for no key up",
        "the trigger that closes the practice has locked the doctor already",
    ),
    (
        r"app\.set_actor\(.*: no coalesce",
        "it makes a difference to a login that chose app.verified_user_id as it connected;"
        " the tests that are tried here have no such connection",
    ),
    (
        r"app\.time_off_withdraws_open_slots\(.*for no key up",
        "api.take_time_off has locked the doctor already; this is for whoever inserts by hand",
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
        "what begins at this very microsecond may be counted or not",
    ),
    (
        r"ops\.advise\(.*: (`[<>]=?` becomes|`interval|`\d+` becomes)",
        "a row, an hour or a megabyte more or less is the same advice",
    ),
    (
        r"ops\.advise\(.*, in `.*(n_live_tup|n_dead_tup|last_analyze|'app'::regnamespace)",
        "what it says of tables needs thousands of rows that are committed, and pgTAP commits none",
    ),
)


def is_equivalent(mutant: Mutant) -> bool:
    return bool(_reason(mutant, EQUIVALENT))


def explanation(mutant: Mutant) -> str:
    """Why it may survive; empty when nobody has said."""
    return _reason(mutant, (*EQUIVALENT, *NOT_TESTED))


def _reason(mutant: Mutant, reasons: tuple[tuple[str, str], ...]) -> str:
    return next((why for pattern, why in reasons if re.search(pattern, mutant.name)), "")
