-- Revert telemed:foundation/extensions from pg

begin;

drop extension pgcrypto;
drop extension btree_gist;

commit;
