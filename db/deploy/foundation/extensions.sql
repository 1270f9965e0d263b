-- Deploy telemed:foundation/extensions to pg

begin;

-- Equality of scalar columns inside exclusion constraints.
create extension btree_gist with schema extensions;

-- Random bytes for refresh tokens, keyed hashes.
create extension pgcrypto with schema extensions;

-- Search without regard to accents, and with typing errors.
create extension unaccent with schema extensions;
create extension pg_trgm with schema extensions;

commit;
