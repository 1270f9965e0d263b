-- Verify telemed:foundation/roles on pg

begin;

select 1 / (not (rolcanlogin or rolsuper or rolbypassrls))::integer
from pg_catalog.pg_roles where oid = 'telemed_owner'::regrole;
select 1 / (not (rolcanlogin or rolsuper or rolbypassrls))::integer
from pg_catalog.pg_roles where oid = 'telemed_internal'::regrole;
-- The owner must not inherit the rights of telemed_internal, or it would see all rows.
select 1 / (not pg_has_role('telemed_owner', 'telemed_internal', 'usage'))::integer;
select 1 / (rolcanlogin and not (rolsuper or rolbypassrls or rolcreaterole))::integer
from pg_catalog.pg_roles where oid = 'telemed_api'::regrole;
select 1 / (rolcanlogin and not (rolsuper or rolbypassrls or rolcreaterole))::integer
from pg_catalog.pg_roles where oid = 'telemed_worker'::regrole;
select 'telemed_dba'::regrole, 'telemed_auditor'::regrole;
select 1 / (not (rolcanlogin or rolsuper or rolcreaterole))::integer
from pg_catalog.pg_roles where oid = 'telemed_backup'::regrole;

rollback;
