-- Verify telemed:identity/forget_log_in_attempt on pg

begin;

select 'app.forget_log_in_attempt(text, text, boolean)'::regprocedure;

rollback;
