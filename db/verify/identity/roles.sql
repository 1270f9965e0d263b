-- Verify telemed:identity/roles on pg

begin;

select name, second_factor_required
from app.roles where false;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'roles_are_audited' and tgrelid = 'app.roles'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'roles_are_never_deleted' and tgrelid = 'app.roles'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'roles_are_never_truncated' and tgrelid = 'app.roles'::regclass;
select 1 / (relrowsecurity and relforcerowsecurity)::integer from pg_catalog.pg_class where oid = 'app.roles'::regclass;

rollback;
