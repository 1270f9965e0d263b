-- Revert telemed:identity/close_my_account from pg

begin;

drop function api.close_my_account;

commit;
