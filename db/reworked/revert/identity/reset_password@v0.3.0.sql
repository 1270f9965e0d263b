-- Revert telemed:identity/reset_password from pg

begin;

drop function api.reset_password(text, text);
drop function app.spend_password_reset(text, text);

commit;
