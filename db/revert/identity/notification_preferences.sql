-- Revert telemed:identity/notification_preferences from pg

begin;

select app.refuse_to_lose_rows('notification_preferences');

drop function app.wants_notification(uuid, text, text);
drop type api.notification_preferences;
drop table app.notification_preferences;

commit;
