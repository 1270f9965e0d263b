-- Revert telemed:identity/account_with_password from pg

begin;

drop function app.account_with_password(text, text);

commit;
