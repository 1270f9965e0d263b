-- Revert telemed:foundation/language_name from pg

begin;

drop function app.language_name(text);

commit;
