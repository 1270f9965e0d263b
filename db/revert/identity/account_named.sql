-- Revert telemed:identity/account_named from pg

begin;

drop function app.account_named(text);

commit;
