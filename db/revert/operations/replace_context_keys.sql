-- Revert telemed:operations/replace_context_keys from pg

begin;

drop function ops.replace_context_keys;

commit;
