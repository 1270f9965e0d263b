-- Revert telemed:operations/invariant_findings from pg

begin;

drop function app.note_findings(timestamptz, api.invariants[]);
select app.refuse_to_lose_rows('invariant_findings');
drop table app.invariant_findings;

commit;
