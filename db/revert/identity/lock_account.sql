-- Revert telemed:identity/lock_account from pg

begin;

drop function app.lock_account(uuid);

commit;
