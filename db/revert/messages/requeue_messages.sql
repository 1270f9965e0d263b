-- Revert telemed:messages/requeue_messages from pg

begin;

drop function work.requeue_messages();

commit;
