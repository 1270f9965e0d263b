-- Verify telemed:identity/request_email_change on pg

begin;

select 1 / has_function_privilege(
    'telemed_api', 'api.request_email_change'::regproc, 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.request_email_change'::regproc, 'execute')::integer;

rollback;
