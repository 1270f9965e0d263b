-- Verify telemed:jobs/queue_figures on pg

begin;

select 'ops.queue_figures()'::regprocedure, 'work.queue_figures()'::regprocedure;

rollback;
