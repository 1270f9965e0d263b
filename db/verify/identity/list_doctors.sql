-- Verify telemed:identity/list_doctors on pg

begin;

select 'api.list_doctors(text, text, integer, text)'::regprocedure;
select 1 / has_function_privilege(
    'telemed_api', 'api.list_doctors(text, text, integer, text)', 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.list_doctors(text, text, integer, text)', 'execute')::integer;

rollback;
