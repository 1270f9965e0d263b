-- Verify telemed:identity/count_log_in_attempt on pg

begin;

select 'app.count_log_in_attempt(text, text)'::regprocedure;
select 'app.remembered_failures(app.log_in_attempts, timestamptz)'::regprocedure;

rollback;
