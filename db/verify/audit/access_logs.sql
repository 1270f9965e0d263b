-- Verify telemed:audit/access_logs on pg

begin;

select id, occurred_at, kind, operation, resource_ids, code, user_id, role, database_login, request_id
from app.access_logs where false;
select 'app.access_logs_by_resource'::regclass;
select 'app.access_logs_of_acting'::regclass;
select 1 / (relrowsecurity and relforcerowsecurity)::integer from pg_catalog.pg_class where oid = 'app.access_logs'::regclass;

rollback;
