begin;
\ir ../helpers/actors.psql
select plan(13);
reset role;

create temp table seen (id bigint not null default 0) on commit drop;
insert into seen default values;
-- The events since the last call
create function pg_temp.new_events() returns setof app.events language sql
as $$
    with before as (
        select s.id from seen as s
    ), mark as (
        update seen set id = (select max(e.id) from app.events as e)
    )
    select e.* from app.events as e, before as b where e.id > b.id order by e.id
$$;
select count(*) from pg_temp.new_events() \g /dev/null

-- Many slots in one statement
select pg_temp.sign_in('doctor', p_request_id => 'weekly');
set local role telemed_api;
select cardinality(p.items) as slots from api.publish_weekly_slots(
    '2027-02-01', '2027-02-05', '{1,2,3,4,5}', '09:00', '12:00', 30) as p \gset
reset role;
create temp table opened on commit drop as select * from pg_temp.new_events();
select is(count(*), :slots::bigint, 'slot.opened: each published slot is an event') from opened;
select results_eq(
    'select distinct type::text, doctor_id, actor_id, actor_role::text, request_id::text, cause::text'
    ' from opened',
    format($$ values ('slot.opened', %L::uuid, %L::uuid, 'doctor', 'weekly',
        'publish_weekly_slots') $$, pg_temp.id_of('doctor'), pg_temp.id_of('doctor')),
    'slot.opened: the events of one statement have the same doctor and cause');
select is_empty(
    $$
    select s.id from app.availability_slots as s
    left join opened as o on o.slot_id = s.id
    where s.doctor_id = pg_temp.id_of('doctor') and (o.data is distinct from jsonb_build_object(
        'starts_at', s.starts_at, 'ends_at', s.ends_at, 'specialty', 'cardiology'))
    $$,
    'slot.opened: an event has the time and the specialty of its slot');
select is(array_agg(o.data ->> 'starts_at' order by o.id),
    array_agg(o.data ->> 'starts_at' order by o.data ->> 'starts_at'),
    'slot.opened: the events of one statement are in the order of time') from opened as o;
update app.availability_slots set specialty = specialty where false;
select is_empty('select * from pg_temp.new_events()',
    'slot.opened: a statement that changes no slot is no event');
insert into app.availability_slots (doctor_id, starts_at, ends_at)
select pg_temp.id_of('doctor'), now(), now() where false;
select is_empty('select * from pg_temp.new_events()',
    'slot.opened: a statement that adds no slot is no event');

-- One slot
select pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00') as slot \gset
select pg_temp.open_slot('doctor', '2027-01-05 10:00:00+00') as other_slot \gset
select count(*) from pg_temp.new_events() \g /dev/null
select pg_temp.booking('patient', :'slot') as booking \gset
select is_empty(
    $$ select * from pg_temp.new_events() where type like 'slot.%' $$,
    'slot.withdrawn: a booked slot is told by the event of its consultation alone');
select api.cancel_consultation(:'booking') \g /dev/null
select results_eq(
    $$ select slot_id, cause::text from pg_temp.new_events() where type = 'slot.opened' $$,
    format($$ values (%L::uuid, 'cancel_consultation') $$, :'slot'),
    'slot.opened: a slot that becomes open again is an event');
select pg_temp.sign_in('doctor');
select api.withdraw_slot(:'slot') \g /dev/null
create temp table withdrawn on commit drop as select * from pg_temp.new_events();
select results_eq(
    'select type::text, slot_id, cause::text from withdrawn',
    format($$ values ('slot.withdrawn', %L::uuid, 'withdraw_slot') $$, :'slot'),
    'slot.withdrawn: a withdrawn slot is an event');
select is(w.data::jsonb,
    '{"starts_at": "2027-01-05T09:00:00+00:00", "ends_at": "2027-01-05T09:30:00+00:00",
      "specialty": "cardiology"}',
    'slot.withdrawn: the event has the time and the specialty of the slot') from withdrawn as w;
select api.withdraw_slot(:'slot') \g /dev/null
select is_empty('select * from pg_temp.new_events()',
    'slot.withdrawn: a repeated withdrawal is no event');
select api.take_time_off('2027-01-05 08:00:00+00', '2027-01-05 12:00:00+00') \g /dev/null
select results_eq(
    'select type::text, slot_id, cause::text from pg_temp.new_events()',
    format($$ values ('slot.withdrawn', %L::uuid, 'take_time_off') $$, :'other_slot'),
    'slot.withdrawn: time off that withdraws a slot is its cause');
select pg_temp.sign_in('patient');
set local timezone = 'America/New_York';
select pg_temp.open_slot('doctor', '2027-01-06 09:00:00+00') \g /dev/null
select is(e.data ->> 'starts_at', '2027-01-06T09:00:00+00:00',
    'slot.opened: times are in UTC, whatever the time zone of the session')
from pg_temp.new_events() as e;

select * from finish();
rollback;
