-- Revert telemed:calendars/calendar_feeds from pg

begin;

select app.refuse_to_lose_rows('calendar_feeds');

drop type api.calendar_feeds;
drop trigger calendar_feeds_end_with_what_they_rest_on on app.users;
drop function app.calendar_feeds_end_with_what_they_rest_on();
drop table app.calendar_feeds;
drop function app.calendar_feeds_are_revoked_once();

commit;
