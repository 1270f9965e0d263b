-- Revert telemed:identity/onboard_doctor from pg

begin;

drop function api.onboard_doctor(text, text, text, text, text, bigint, text, text);

commit;
