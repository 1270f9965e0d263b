-- Verify telemed:foundation/context_keys on pg

begin;

select id, key, created_at from app.context_keys where false;
select 1 / (relrowsecurity and relforcerowsecurity)::integer from pg_catalog.pg_class where oid = 'app.context_keys'::regclass;

rollback;
