-- Verify telemed:identity/log_in_attempts on pg

begin;

select kind, free_attempts, longest_delay_seconds from app.log_in_limits where false;
select subject, failures, last_attempt_at, succeeded_at from app.log_in_attempts where false;
select 'app.log_in_attempts_by_time'::regclass;
select 1 / (relrowsecurity and relforcerowsecurity)::integer from pg_catalog.pg_class where oid = 'app.log_in_attempts'::regclass;
select 'app.log_in_subject(text, text, text)'::regprocedure;

rollback;
