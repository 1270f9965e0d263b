-- Revert telemed:foundation/extensions from pg

begin;

drop extension pg_trgm;
drop extension unaccent;
drop extension pgcrypto;
drop extension btree_gist;

commit;
