-- Revert telemed:identity/log_in_salt from pg

begin;

drop function api.log_in_salt(text, integer, text);
drop function app.invented_setting(text, integer);

commit;
