-- Revert telemed:webhooks/settle_delivery from pg

begin;

drop function work.settle_delivery;

commit;
