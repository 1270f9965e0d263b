-- Verify telemed:identity/list_doctors on pg

begin;

select next_free_at from api.listed_doctors where false;
select 1 / has_function_privilege('telemed_api', 'api.list_doctors'::regproc, 'execute')::integer;
select 1 / has_function_privilege('telemed_dba', 'api.list_doctors'::regproc, 'execute')::integer;

rollback;
