-- Revert telemed:identity/update_my_notifications from pg

begin;

drop function api.update_my_notifications;

commit;
