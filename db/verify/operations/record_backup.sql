-- Verify telemed:operations/record_backup on pg

begin;

select id, method, finished_at from app.backups where false;
select 'app.backups_by_time'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'backups_are_append_only' and tgrelid = 'app.backups'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'backups_are_never_truncated' and tgrelid = 'app.backups'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'backups_are_audited' and tgrelid = 'app.backups'::regclass;
select 1 / (relrowsecurity and relforcerowsecurity)::integer
from pg_catalog.pg_class where oid = 'app.backups'::regclass;
select 1 / has_function_privilege(
    'telemed_dba', 'ops.record_backup'::regproc, 'execute')::integer;

rollback;
