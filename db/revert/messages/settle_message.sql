-- Revert telemed:messages/settle_message from pg

begin;

drop function work.settle_message(uuid, integer);

commit;
