-- Verify telemed:jobs/adapt_queue on pg

begin;

select 'app.adapt_queue(text)'::regprocedure, 'app.queue_migration()'::regprocedure,
    'work.queue_migration()'::regprocedure;

rollback;
