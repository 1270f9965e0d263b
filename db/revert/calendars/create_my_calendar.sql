-- Revert telemed:calendars/create_my_calendar from pg

begin;

drop function api.create_my_calendar;

commit;
