-- Revert telemed:calendars/revoke_my_calendar from pg

begin;

drop function api.revoke_my_calendar;

commit;
