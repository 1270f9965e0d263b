-- Revert telemed:identity/log_out from pg

begin;

drop function api.log_out(uuid, text);

commit;
