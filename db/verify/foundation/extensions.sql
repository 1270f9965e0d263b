-- Verify telemed:foundation/extensions on pg

begin;

select 1 / count(*) from pg_catalog.pg_extension where extname = 'btree_gist';
select 1 / count(*) from pg_catalog.pg_extension where extname = 'pgcrypto';
select 1 / count(*) from pg_catalog.pg_extension where extname = 'unaccent';
select 1 / count(*) from pg_catalog.pg_extension where extname = 'pg_trgm';

rollback;
