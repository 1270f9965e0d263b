-- Revert telemed:operations/repeat_message from pg

begin;

drop function ops.repeat_message(uuid);

commit;
