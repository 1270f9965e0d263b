-- Revert telemed:jobs/queue_figures from pg

begin;

drop function work.queue_figures;
drop function ops.queue_figures;
drop type ops.queue_figures;

commit;
