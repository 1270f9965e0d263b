-- Revert telemed:operations/set_completion_lead from pg

begin;

drop function ops.set_completion_lead(interval);

commit;
