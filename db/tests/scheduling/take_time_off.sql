begin;
\ir ../helpers/actors.psql
\ir ../helpers/keys.psql
select plan(45);

-- Slots of half an hour in and around the time off, which is from 09:00 to 17:00
select pg_temp.open_slot('doctor', '2027-01-05 08:30:00+00') as just_before \gset
select pg_temp.open_slot('doctor', '2027-01-05 10:00:00+00') as within \gset
select pg_temp.open_slot('doctor', '2027-01-05 11:00:00+00') as booked_later \gset
select pg_temp.open_slot('doctor', '2027-01-05 10:30:00+00') as booked_earlier \gset
select pg_temp.open_slot('doctor', '2027-01-05 12:00:00+00') as completed_slot \gset
select pg_temp.open_slot('doctor', '2027-01-05 13:00:00+00') as cancelled_slot \gset
select pg_temp.open_slot('doctor', '2027-01-05 17:00:00+00') as just_after \gset
select pg_temp.open_slot('other_doctor', '2027-01-05 10:00:00+00') as of_other_doctor \gset
select pg_temp.booking('patient', :'booked_later') as later \gset
select pg_temp.booking('other_patient', :'booked_earlier') as earlier \gset
select pg_temp.booking('patient', :'completed_slot') as completed \gset
select pg_temp.booking('patient', :'cancelled_slot') as cancelled \gset
select status from api.cancel_consultation(:'cancelled') \gset
select pg_temp.sign_in('doctor');
select status from api.complete_consultation(:'completed') \gset

-- The permitted path
select t.id as time_off, t.*
from api.take_time_off('2027-01-05 09:00:00+00', '2027-01-05 17:00:00+00',
    'A conference') as t \gset
select collect_tap(
    is(t.id, :'time_off', 'a doctor takes time off'),
    is(t.doctor_id, pg_temp.id_of('doctor'), 'time off belongs to the calling doctor'),
    is(t.starts_at, '2027-01-05 09:00:00+00', 'time off has the requested start'),
    is(t.ends_at, '2027-01-05 17:00:00+00', 'time off has the requested end'),
    is(t.reason, 'A conference', 'time off has the given reason'),
    is(t.created_at, '2027-01-04 08:00:00+00', 'time off has the time at which it was taken'),
    is(
        (:'doctor_id'::uuid, :'starts_at'::timestamptz, :'ends_at'::timestamptz, :'reason'::text,
         :'created_at'::timestamptz),
        (t.doctor_id, t.starts_at, t.ends_at, t.reason, t.created_at),
        'take_time_off returns the same values as list_time_off'))
from api.list_time_off() as t;
select is(
    :'withdrawn_slot_ids'::uuid[],
    (select array_agg(id order by id)
     from unnest(array[:'within', :'cancelled_slot']::uuid[]) as id),
    'take_time_off returns the open slots that it withdrew');
select is(
    :'booked_consultation_ids'::uuid[], array[:'earlier', :'later']::uuid[],
    'take_time_off returns the consultations that stay scheduled, the earliest first');
select is(
    array_agg(s.id), array[:'just_before', :'just_after']::uuid[],
    'time off leaves open the slots that only touch it')
from api.list_open_slots(pg_temp.id_of('doctor')) as s;
select is(s.id, :'of_other_doctor', 'time off leaves open the slots of another doctor')
from api.list_open_slots(pg_temp.id_of('other_doctor')) as s;
select is(
    (select array_agg(c.status order by c.starts_at) from api.list_consultations() as c),
    '{scheduled,scheduled,completed,cancelled}',
    'time off leaves the status of each consultation as it is');
select is(
    pg_temp.refusal('patient', format('select api.book_consultation(%L, null, ''k'')', :'within')),
    'TM901', 'a slot that time off has withdrawn cannot be booked');

-- A slot that becomes free within time off is not offered
select pg_temp.sign_in('patient');
select is(c.status, 'cancelled', 'a patient cancels a consultation within time off')
from api.cancel_consultation(:'later') as c;
select pg_temp.sign_in('other_patient');
select is(c.slot_id, :'just_after', 'a patient reschedules a consultation out of time off')
from api.reschedule_consultation(:'earlier', :'just_after', 'move') as c;
select is(
    array_agg(s.id), array[:'just_before']::uuid[],
    'a slot that becomes free within time off is not offered again')
from api.list_open_slots(pg_temp.id_of('doctor')) as s;
reset role;
select is(array_agg(distinct s.status), '{withdrawn}',
    'a slot that becomes free within time off is withdrawn')
from app.availability_slots as s where s.id in (:'booked_later', :'booked_earlier');
set local role telemed_api;

-- Slots that overlap time off in part
select pg_temp.open_slot('doctor', '2027-01-06 08:45:00+00') as over_its_start \gset
select pg_temp.open_slot('doctor', '2027-01-06 09:59:30+00', 1) as over_its_end \gset
select pg_temp.open_slot('doctor', '2027-01-07 08:00:00+00', 240) as around_it \gset
select pg_temp.sign_in('doctor');
select is(
    cardinality(t.withdrawn_slot_ids), 2,
    'time off withdraws the slots that overlap its start or its end')
from api.take_time_off('2027-01-06 09:00:00+00', '2027-01-06 10:00:00+00') as t;
select is(t.withdrawn_slot_ids, array[:'around_it']::uuid[],
    'time off withdraws a slot that encloses it')
from api.take_time_off('2027-01-07 09:00:00+00', '2027-01-07 10:00:00+00') as t;
select is(
    (t.withdrawn_slot_ids, t.booked_consultation_ids), ('{}'::uuid[], '{}'::uuid[]),
    'take_time_off returns two empty lists when nothing overlaps')
from api.take_time_off('2027-01-08 09:00:00+00', '2027-01-08 10:00:00+00') as t;

-- Valid and invalid times. It is 2027-01-04 08:00:00+00.
select is(
    pg_temp.refusal('doctor', format(
        'select api.take_time_off(%L, %L, %L)', v.starts_at, v.ends_at, v.reason)),
    v.refusal, v.sentence)
from (values
    ('2027-01-05 16:59:59.999999+00', '2027-01-05 18:00+00', null, 'TM913',
     'time off that overlaps the last microsecond of other time off is refused'),
    ('2027-01-05 08:00+00', '2027-01-05 09:00:00.000001+00', null, 'TM913',
     'time off that overlaps the first microsecond of other time off is refused'),
    ('2027-01-05 17:00+00', '2027-01-05 18:00+00', null, null,
     'time off may begin at the instant at which other time off ends'),
    ('2027-01-03 08:00+00', '2027-01-04 08:00+00', null, 'TM202 ends_at',
     'time off that ends now is refused'),
    ('2027-01-03 08:00+00', '2027-01-04 08:00:00.000001+00', null, null,
     'time off that has begun and not ended is accepted'),
    (null, '2027-02-01 08:00+00', null, 'TM202 starts_at',
     'take_time_off: a null start is refused'),
    ('2027-02-01 08:00+00', null, null, 'TM202 ends_at', 'take_time_off: a null end is refused'),
    ('2027-02-01 08:00+00', '2027-02-01 08:00+00', null, 'TM202 ends_at',
     'time off of length zero is refused'),
    ('2027-02-01 08:00+00', '2027-02-01 07:00+00', null, 'TM202 ends_at',
     'time off that ends before it begins is refused'),
    ('infinity', 'infinity', null, 'TM202 ends_at',
     'take_time_off: a start and an end at infinity are refused'),
    ('-infinity', '2027-01-04 07:00+00', null, 'TM202 ends_at',
     'take_time_off: a start at -infinity with an end in the past is refused'),
    ('2027-02-01 08:00+00', 'infinity', null, '23514',
     'take_time_off: an end at infinity is refused'),
    ('2027-02-01 08:00+00', '2027-02-01 09:00+00', '', '23514',
     'take_time_off: an empty reason is refused'),
    ('2027-02-01 08:00+00', '2027-02-01 09:00+00', repeat('r', 4001), '23514',
     'take_time_off: a reason of 4001 characters is refused')
) as v (starts_at, ends_at, reason, refusal, sentence);
select is(
    pg_temp.refusal(
        'other_doctor', $$select api.take_time_off('2027-01-05 09:00+00', '2027-01-05 17:00+00')$$),
    null, 'two doctors may take the same time off');

-- Callers that are refused
select is(
    pg_temp.refusal(v.actor,
        $$select api.take_time_off('2027-03-01 09:00+00', '2027-03-01 17:00+00')$$),
    v.refusal, v.sentence)
from (values
    ('patient', 'TM301', 'a patient cannot take time off'),
    ('admin', 'TM301', 'an admin cannot take time off'),
    ('nobody', 'TM101', 'an unauthenticated caller cannot take time off')
) as v (actor, refusal, sentence);

-- Consultations that touch time off
reset role;
select pg_temp.set_clock('2027-01-04 08:00:00+00');
set local role telemed_api;
select pg_temp.open_slot('other_doctor', '2027-02-05 08:30:00+00') as touching_before \gset
select pg_temp.open_slot('other_doctor', '2027-02-05 17:00:00+00') as touching_after \gset
select pg_temp.booking('patient', :'touching_before') as before \gset
select pg_temp.booking('patient', :'touching_after') as after \gset
select pg_temp.sign_in('other_doctor');
select is(
    t.booked_consultation_ids, '{}',
        'take_time_off does not return a consultation that only touches the time off')
from api.take_time_off('2027-02-05 09:00:00+00', '2027-02-05 17:00:00+00') as t;

-- Under an idempotency key
reset role;
select pg_temp.honours_key('take_time_off', 'doctor',
    $$ '2027-06-01 08:30:00+00', '2027-06-01 12:00:00+00', 'Skiing' $$,
    $$ '2027-06-01 08:30:00+00', '2027-06-01 12:00:00+00', 'Sailing' $$,
    $$ '2027-06-01 09:00:00+00', '2027-06-01 10:00:00+00', null $$, 'TM913');

select * from finish();
rollback;
