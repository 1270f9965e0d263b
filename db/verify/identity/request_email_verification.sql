-- Verify telemed:identity/request_email_verification on pg

begin;

select 1 / has_function_privilege(
    'telemed_api', 'api.request_email_verification'::regproc, 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.request_email_verification'::regproc, 'execute')::integer;

rollback;
