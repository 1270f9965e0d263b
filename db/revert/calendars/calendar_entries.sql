-- Revert telemed:calendars/calendar_entries from pg

begin;

drop function app.calendar_entries_of(uuid[], uuid);
drop function app.local_time_text(timestamptz, text);
drop type api.calendar_entries;

commit;
