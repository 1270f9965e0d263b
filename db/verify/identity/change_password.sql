-- Verify telemed:identity/change_password on pg

begin;

select 'api.change_password(text, text)'::regprocedure;
select 1 / has_function_privilege(
    'telemed_api', 'api.change_password(text, text)', 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.change_password(text, text)', 'execute')::integer;

rollback;
