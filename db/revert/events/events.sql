-- Revert telemed:events/events from pg

begin;

select app.refuse_to_lose_rows('events');
select app.refuse_to_lose_rows('latest_events');

drop view ops.events;
drop view api.events;
drop table app.latest_events;
drop table app.events;
drop domain app.event_number;
drop domain app.event_type;

commit;
