-- Verify telemed:identity/secrets on pg

begin;

select name, value from app.secrets where false;
set local role telemed_internal;
select 1 / count(*) from app.secrets where name = 'invented_salt';
select 1 / count(*) from app.secrets where name = 'next_refresh_token';
select 1 / (relrowsecurity and relforcerowsecurity)::integer from pg_catalog.pg_class where oid = 'app.secrets'::regclass;

rollback;
