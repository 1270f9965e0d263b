-- Revert telemed:identity/log_in from pg

begin;

drop function api.log_in(text, text, bigint, text, text);

commit;
