-- Revert telemed:jobs/adapt_queue from pg

begin;

drop function work.queue_migration;
drop function app.adapt_queue;
drop function app.queue_migration;

commit;
