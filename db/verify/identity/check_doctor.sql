-- Verify telemed:identity/check_doctor on pg

begin;

select 'app.check_doctor(text, text, text[], integer)'::regprocedure;

rollback;
