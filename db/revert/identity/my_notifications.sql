-- Revert telemed:identity/my_notifications from pg

begin;

drop function api.my_notifications;

commit;
