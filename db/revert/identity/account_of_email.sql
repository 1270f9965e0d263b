-- Revert telemed:identity/account_of_email from pg

begin;

drop function app.account_of_email(text);

commit;
