-- Revert telemed:calendars/get_calendar_feed from pg

begin;

drop function api.get_calendar_feed;
drop function app.calendar_of_token(text);

commit;
