-- Verify telemed:audit/audit_row_hash on pg

begin;

select 'app.audit_row_hash(app.audit_logs)'::regprocedure;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'audit_logs_have_their_hash' and tgrelid = 'app.audit_logs'::regclass;

rollback;
