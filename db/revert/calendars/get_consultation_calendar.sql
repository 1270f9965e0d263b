-- Revert telemed:calendars/get_consultation_calendar from pg

begin;

drop function api.get_consultation_calendar;

commit;
