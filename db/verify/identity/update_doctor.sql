-- Verify telemed:identity/update_doctor on pg

begin;

select 1 / ('p_versions' = any (p.proargnames))::integer
from pg_catalog.pg_proc as p where p.oid = 'api.update_doctor'::regproc;
select 1 / has_function_privilege('telemed_api', 'api.update_doctor'::regproc, 'execute')::integer;
select 1 / has_function_privilege('telemed_dba', 'api.update_doctor'::regproc, 'execute')::integer;

rollback;
