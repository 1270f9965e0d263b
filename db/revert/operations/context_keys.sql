-- Revert telemed:operations/context_keys from pg

begin;

drop trigger context_keys_are_audited on app.context_keys;
drop function ops.list_context_keys();
drop function ops.drop_context_key(text);
drop function ops.add_context_key(text);
drop type api.context_keys;

commit;
