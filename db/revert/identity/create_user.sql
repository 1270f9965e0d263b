-- Revert telemed:identity/create_user from pg

begin;

drop function app.create_user(uuid, text, text, text, text);

commit;
