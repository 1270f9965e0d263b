-- Verify telemed:jobs/dispatch_event on pg

begin;

select 'work.dispatch_event(bigint)'::regprocedure;

rollback;
