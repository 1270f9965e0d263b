-- Revert telemed:messages/hold_message from pg

begin;

drop function work.hold_message(uuid, integer);

commit;
