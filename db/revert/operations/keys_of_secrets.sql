-- Revert telemed:operations/keys_of_secrets from pg

begin;

drop function ops.keys_of_secrets();
drop type ops.keys_of_secrets;

commit;
