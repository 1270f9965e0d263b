-- Revert telemed:identity/sign_up from pg

begin;

drop function api.sign_up(text, text, text);
drop type api.sign_ups;

commit;
