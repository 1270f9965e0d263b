-- Verify telemed:jobs/enqueue_job on pg

begin;

select 'app.enqueue_job(text, jsonb, text, timestamptz, integer)'::regprocedure;

rollback;
