-- Verify telemed:identity/verify_email on pg

begin;

select 'app.spend_email_verification(uuid, text)'::regprocedure;

select 1 / has_function_privilege(
    'telemed_api', 'api.verify_email'::regproc, 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.verify_email'::regproc, 'execute')::integer;

rollback;
