-- Verify telemed:audit/audit_seals on pg

begin;

select id, kind, month, after_id, last_id, row_count, rows_digest, sealed_at, database_login, previous_hash, hash
from app.audit_seals where false;
select 'app.audit_seals_by_month'::regclass;
select 'app.audit_seal_hash(app.audit_seals)'::regprocedure;
select 'app.append_audit_seal(text, date, bigint, bigint, bigint, bytea)'::regprocedure;
select 'ops.audit_seals'::regclass;
select 1 / (relrowsecurity and relforcerowsecurity)::integer from pg_catalog.pg_class where oid = 'app.audit_seals'::regclass;

rollback;
