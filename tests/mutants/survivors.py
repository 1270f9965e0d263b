"""Mutants that no test can notice, or need not, and why."""

from __future__ import annotations

import re

from tests.mutants.catalog import Mutant

# A pattern for the names of mutants, and the reason.
REASONS: tuple[tuple[str, str], ...] = (
    (
        r"app\.invariant_violations\(.*: `>=` becomes `>`",
        "no row has the lowest identifier of a millisecond; the trail is read from a day earlier",
    ),
    (
        r"app\.invariant_violations\(.*: (`interval '24` becomes|`>` becomes `>=`)",
        "no consultation lasts longer than 24 hours, so that none that begins earlier overlaps;"
        " the line after it compares exactly",
    ),
    (
        r"app\.invariant_violations\(.*: `1` becomes `2`",
        "whoever overlaps two others is named twice: the number is larger, the finding the same",
    ),
    (
        r"app\.(slot_of_cursor|first_id_since)\(.* becomes something else",
        "PostgreSQL reads over a question mark in a time",
    ),
    (
        r"app\.slot_of_cursor\(.*: no `v_slot\.id :=",
        "every slot begins after 1900, so that the identifier is not compared",
    ),
    (
        r"app\.make_password_reset\(.*: `true` becomes `false`",
        "how the message gets to the disk is seen only in how long an answer takes",
    ),
    (
        r"app\.instant_of\(.*: `interval '1` becomes `2`",
        "no time zone changes its offset twice within two days",
    ),
    (
        r"app\.new_recovery_code\(.*: `24` becomes `25`",
        "one random byte more is drawn and not used",
    ),
    (
        r"app\.forget_log_in_attempt\(.*: no for no key update",
        "the update locks the same rows; their order only keeps two from a deadlock, which the API"
        " repeats",
    ),
    (
        r"app\.forget_log_in_attempt\(.*: `interval '1` becomes `2`",
        "longer ago than the longest delay is as good",
    ),
    (
        r"api\.publish_weekly_slots\(.*: `5000` becomes `5001`",
        "no number of weeks, weekdays and slots a day has the product 5001 = 3 * 1667",
    ),
    (
        r"ops\.clinic_overview\(.*: `>=` becomes `>`",
        "what begins at this very microsecond may be counted or not",
    ),
    (
        r"ops\.advise\(.*: (`[<>]=?` becomes|`interval)",
        "a row or an hour more or less is the same advice",
    ),
    (
        r"ops\.advise\(\), line (11\d|12[0-3]): ",
        "what it says of tables needs thousands of rows that are committed, and pgTAP commits none",
    ),
)


def explanation(mutant: Mutant) -> str:
    """Why it may survive; empty when nobody has said."""
    return next((why for pattern, why in REASONS if re.search(pattern, mutant.name)), "")
