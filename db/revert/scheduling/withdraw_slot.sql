-- Revert telemed:scheduling/withdraw_slot from pg

begin;

drop function api.withdraw_slot(uuid);

commit;
