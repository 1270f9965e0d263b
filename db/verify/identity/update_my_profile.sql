-- Verify telemed:identity/update_my_profile on pg

begin;

select 1 / ('{p_clear,p_versions}' <@ p.proargnames)::integer
from pg_catalog.pg_proc as p where p.oid = 'api.update_my_profile'::regproc;
select 1 / has_function_privilege(
    'telemed_api', 'api.update_my_profile'::regproc, 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.update_my_profile'::regproc, 'execute')::integer;

rollback;
