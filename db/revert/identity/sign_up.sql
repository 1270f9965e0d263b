-- Revert telemed:identity/sign_up from pg

begin;

drop function api.sign_up(text, text, text);

commit;
