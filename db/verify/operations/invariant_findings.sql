-- Verify telemed:operations/invariant_findings on pg

begin;

select name, violations, examples, made_from_at, found_at, checked_at
from app.invariant_findings where false;
select 'app.note_findings(timestamptz, api.invariants[])'::regprocedure;

rollback;
