-- Revert telemed:foundation/context_keys from pg

begin;

drop table app.context_keys;

commit;
