-- Verify telemed:foundation/roles on pg

begin;

select 1 / (not (rolcanlogin or rolsuper or rolbypassrls))::integer
from pg_catalog.pg_roles where oid = 'telemed_owner'::regrole;
select 1 / (not (rolcanlogin or rolsuper or rolbypassrls))::integer
from pg_catalog.pg_roles where oid = 'telemed_internal'::regrole;
-- What telemed_internal sees, the owner must not see by itself.
select 1 / (not pg_has_role('telemed_owner', 'telemed_internal', 'usage'))::integer;
select 1 / has_parameter_privilege('telemed_owner', 'app.verified_role', 'set')::integer;
select 1 / (rolcanlogin and not (rolsuper or rolbypassrls or rolcreaterole))::integer
from pg_catalog.pg_roles where oid = 'telemed_api'::regrole;
select 'telemed_dba'::regrole, 'telemed_auditor'::regrole;
select 1 / pg_has_role('telemed_dba', 'pg_signal_backend', 'member')::integer;

rollback;
