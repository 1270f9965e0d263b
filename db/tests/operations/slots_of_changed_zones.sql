begin;
\ir ../helpers/actors.psql
select plan(14);
reset role;

create function pg_temp.slot_at(p_local timestamp, p_time_zone text, p_starts_at timestamptz)
returns uuid language sql
as $$
    insert into app.availability_slots (doctor_id, starts_at, ends_at, starts_at_local, time_zone)
    values (pg_temp.id_of('doctor'), p_starts_at, p_starts_at + interval '30 minutes', p_local,
        p_time_zone)
    returning id
$$;

-- By today's rules clocks in Berlin show 09:00 at 07:00 UTC in summer, and never 02:30 on 28 March.
select pg_temp.slot_at('2027-06-01 09:00', 'Europe/Berlin', '2027-06-01 07:00+00') as right_one \gset
select pg_temp.slot_at('2027-10-31 02:30', 'Europe/Berlin', '2027-10-31 00:30+00') as first_one \gset
select pg_temp.slot_at('2027-10-31 02:30', 'Europe/Berlin', '2027-10-31 01:30+00') as second_one \gset
select pg_temp.slot_at('2027-06-02 09:00', 'Europe/Berlin', '2027-06-02 08:00+00') as late_one \gset
select pg_temp.slot_at('2027-03-28 02:30', 'Europe/Berlin', '2027-03-28 01:30+00') as lost_one \gset
select pg_temp.slot_at('2027-06-03 09:00', 'Moon/Tycho', '2027-06-03 08:00+00') as far_one \gset
select pg_temp.slot_at('2027-06-04 09:00', 'Europe/Berlin', '2027-06-04 08:00+00') as booked_one \gset
select pg_temp.slot_at('2027-06-05 09:00', 'Europe/Berlin', '2027-06-05 08:00+00') as cancelled_one \gset
select pg_temp.slot_at('2027-06-06 09:00', 'Europe/Berlin', '2027-06-06 08:00+00') as gone_one \gset
select pg_temp.slot_at('2027-01-04 08:00', 'Europe/Berlin', '2027-01-04 08:00+00') as old_one \gset
select pg_temp.open_slot('doctor', '2027-06-07 08:00+00') as single_one \gset
update app.availability_slots set status = 'withdrawn' where id = :'gone_one';
set local role telemed_api;
select pg_temp.booking('patient', :'booked_one') as booking \gset
select pg_temp.booking('patient', :'cancelled_one') as cancelled \gset
select api.cancel_consultation(:'cancelled') \g /dev/null
reset role;

create temp table found on commit drop as select * from ops.slots_of_changed_zones();
create function pg_temp.is_found(p_slot_id uuid)
returns boolean language sql as $$ select exists (select from found where slot_id = p_slot_id) $$;
select is(
    (f.doctor_id, f.doctor_name, f.time_zone, f.starts_at_local, f.starts_at, f.starts_at_now,
     f.status, f.consultation_id)::text,
    (pg_temp.id_of('doctor'), 'Doctor doctor', 'Europe/Berlin', timestamp '2027-06-02 09:00',
     timestamptz '2027-06-02 08:00+00', timestamptz '2027-06-02 07:00+00', 'open', null::uuid)::text,
    'slots_of_changed_zones: a slot whose local time is another instant now is listed with both '
    'instants')
from found as f where f.slot_id = :'late_one';
select is(
    (f.starts_at, f.starts_at_now)::text,
    (timestamptz '2027-03-28 01:30+00', timestamptz '2027-03-28 01:00+00')::text,
    'slots_of_changed_zones: a slot whose local time does not exist any more is listed')
from found as f where f.slot_id = :'lost_one';
select is(
    (f.time_zone, f.starts_at_now)::text, ('Moon/Tycho', null::timestamptz)::text,
    'slots_of_changed_zones: a slot in a zone that PostgreSQL does not know is listed')
from found as f where f.slot_id = :'far_one';
select is(
    (f.status, f.consultation_id)::text, ('booked', :'booking')::text,
    'slots_of_changed_zones: a booked slot is listed with its consultation')
from found as f where f.slot_id = :'booked_one';
select is(
    (f.status, f.consultation_id)::text, ('open', null::uuid)::text,
    'slots_of_changed_zones: a slot whose consultation is cancelled is listed without one')
from found as f where f.slot_id = :'cancelled_one';
select is(pg_temp.is_found(v.slot_id), false, v.sentence)
from (values
    (:'right_one'::uuid, 'slots_of_changed_zones: a slot at its local time is not listed'),
    (:'first_one',
     'slots_of_changed_zones: the first slot at a local time that comes twice is not listed'),
    (:'second_one',
     'slots_of_changed_zones: the second slot at a local time that comes twice is not listed'),
    (:'gone_one', 'slots_of_changed_zones: a withdrawn slot is not listed'),
    (:'old_one', 'slots_of_changed_zones: a slot that has begun is not listed'),
    (:'single_one', 'slots_of_changed_zones: a slot without a local time is not listed')
) as v (slot_id, sentence);

-- Weekly hours, published by the rules of today. Then a law changes the clocks: the time zone
-- database cannot be replaced within a transaction, so the slots get a zone with other clocks.
select pg_temp.sign_in('other_doctor');
set local role telemed_api;
select from api.publish_weekly_slots(
    p_from => '2027-06-07', p_to => '2027-06-07', p_weekdays => '{1}', p_start_time => '09:00',
    p_end_time => '10:00', p_slot_minutes => 30) \g /dev/null
reset role;
create function pg_temp.moved()
returns text language sql
as $$
    select string_agg(format('%s: %s, now %s', s.starts_at_local, s.starts_at at time zone 'UTC',
        s.starts_at_now at time zone 'UTC'), '; ' order by s.starts_at)
    from ops.slots_of_changed_zones() as s where s.doctor_id = pg_temp.id_of('other_doctor')
$$;
select is(pg_temp.moved(), null,
    'slots_of_changed_zones: weekly slots are at their local time when they are published');
set local session_replication_role = replica;
update app.availability_slots set time_zone = 'Europe/London'
where doctor_id = pg_temp.id_of('other_doctor');
set local session_replication_role = origin;
select is(pg_temp.moved(),
    '2027-06-07 09:00:00: 2027-06-07 07:00:00, now 2027-06-07 08:00:00; '
    '2027-06-07 09:30:00: 2027-06-07 07:30:00, now 2027-06-07 08:30:00',
    'slots_of_changed_zones: weekly slots are listed when a law moves their clocks');

set local role telemed_api;
select throws_ok(
    'select ops.slots_of_changed_zones()', '42501', null,
    'slots_of_changed_zones: the REST API cannot call it');

select * from finish();
rollback;
