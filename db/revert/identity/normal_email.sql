-- Revert telemed:identity/normal_email from pg

begin;

drop function app.normal_email(text);

commit;
