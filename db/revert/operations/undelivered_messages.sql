-- Revert telemed:operations/undelivered_messages from pg

begin;

drop function ops.undelivered_messages(interval);
drop type ops.undelivered_messages;

commit;
