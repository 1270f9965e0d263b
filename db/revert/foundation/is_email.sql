-- Revert telemed:foundation/is_email from pg

begin;

drop function app.is_email(text);

commit;
