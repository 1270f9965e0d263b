-- Revert telemed:scheduling/doctor_calendar from pg

begin;

drop function api.doctor_calendar(uuid, date, date, text);
drop type api.calendar_days;

commit;
