-- Revert telemed:identity/create_user from pg

begin;

drop function app.create_user(text, text, text, text);

commit;
