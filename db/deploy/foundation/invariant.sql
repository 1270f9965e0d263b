-- Deploy telemed:foundation/invariant to pg

begin;

-- A new invariant is one `return query` in app.<domain>_invariants, and a case in the test of that
-- function. ops.check_invariants reports on it without another edit.
--
-- Each query reads the rows made since p_since, and through indexes the rows that they are compared
-- with: its time grows with the new rows, not with all rows. `limit 1` keeps the planner from
-- comparing all rows with all. A slot, and with it a consultation, lasts at most 24 hours
-- (availability_slots_last_from_1_minute_to_24_hours).
create type app.invariant as (
    name text,
    description text,
    violations text[]
);

comment on type app.invariant is
'A rule that holds for all rows at any time. violations: the ids of the rows that break it.';

commit;
