-- Verify telemed:identity/count_log_in_attempt on pg

begin;

select 'app.count_log_in_attempt(text, text)'::regprocedure;

rollback;
