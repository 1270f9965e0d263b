-- Revert telemed:messages/fail_message from pg

begin;

drop function work.fail_message(uuid, integer, text, boolean);

commit;
