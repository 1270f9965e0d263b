-- Revert telemed:identity/check_doctor from pg

begin;

drop function app.check_doctor(text, text, text[], integer);

commit;
