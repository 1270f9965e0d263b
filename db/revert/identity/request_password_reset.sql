-- Revert telemed:identity/request_password_reset from pg

begin;

drop function api.request_password_reset(text, text);
drop function app.make_password_reset(app.users, text);

commit;
