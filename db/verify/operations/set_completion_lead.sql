-- Verify telemed:operations/set_completion_lead on pg

begin;

select 'ops.set_completion_lead(interval)'::regprocedure;

rollback;
