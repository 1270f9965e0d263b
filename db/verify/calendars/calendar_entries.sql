-- Verify telemed:calendars/calendar_entries on pg

begin;

select null::api.calendar_entries;
select 'app.local_time_text(timestamptz,text)'::regprocedure;
select 'app.calendar_entries_of(uuid[],uuid)'::regprocedure;

rollback;
