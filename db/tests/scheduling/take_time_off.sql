begin;
\ir ../helpers/actors.psql
select plan(39);

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
    is(t.doctor_id, pg_temp.id_of('doctor'), 'which is the caller''s'),
    is(t.starts_at, '2027-01-05 09:00:00+00', 'begins when it was asked to'),
    is(t.ends_at, '2027-01-05 17:00:00+00', 'ends when it was asked to'),
    is(t.reason, 'A conference', 'has a reason'),
    is(t.created_at, '2027-01-04 08:00:00+00', 'and was taken now'),
    is(
        (:'doctor_id'::uuid, :'starts_at'::timestamptz, :'ends_at'::timestamptz, :'reason'::text,
         :'created_at'::timestamptz),
        (t.doctor_id, t.starts_at, t.ends_at, t.reason, t.created_at),
        'the answer says the same as the list'))
from api.list_time_off() as t;
select is(
    :'withdrawn_slot_ids'::uuid[],
    (select array_agg(id order by id)
     from unnest(array[:'within', :'cancelled_slot']::uuid[]) as id),
    'the answer names the open slots that it withdrew');
select is(
    :'booked_consultation_ids'::uuid[], array[:'earlier', :'later']::uuid[],
    'and the consultations that are still scheduled then, the earliest first');
select is(
    array_agg(s.id), array[:'just_before', :'just_after']::uuid[],
    'slots that only touch the time off stay open')
from api.list_open_slots(pg_temp.id_of('doctor')) as s;
select is(s.id, :'of_other_doctor', 'a colleague''s slots stay open')
from api.list_open_slots(pg_temp.id_of('other_doctor')) as s;
select is(
    (select array_agg(c.status order by c.starts_at) from api.list_consultations() as c),
    '{scheduled,scheduled,completed,cancelled}', 'consultations stand as they did');
select is(
    pg_temp.refusal('patient', format('select api.book_consultation(%L, null, ''k'')', :'within')),
    'TM901', 'a slot that was withdrawn cannot be booked');

-- What becomes free later is not offered
select pg_temp.sign_in('patient');
select is(c.status, 'cancelled', 'a patient cancels a booking within the time off')
from api.cancel_consultation(:'later') as c;
select pg_temp.sign_in('other_patient');
select is(c.slot_id, :'just_after', 'another one moves a booking out of it')
from api.reschedule_consultation(:'earlier', :'just_after', 'move') as c;
select is(
    array_agg(s.id), array[:'just_before']::uuid[],
    'neither slot is offered again while the doctor is away')
from api.list_open_slots(pg_temp.id_of('doctor')) as s;
reset role;
select is(array_agg(distinct s.status), '{withdrawn}', 'both are withdrawn')
from app.availability_slots as s where s.id in (:'booked_later', :'booked_earlier');
set local role telemed_api;

-- Slots that lie in it in part
select pg_temp.open_slot('doctor', '2027-01-06 08:45:00+00') as over_its_start \gset
select pg_temp.open_slot('doctor', '2027-01-06 09:59:30+00', 1) as over_its_end \gset
select pg_temp.open_slot('doctor', '2027-01-07 08:00:00+00', 240) as around_it \gset
select pg_temp.sign_in('doctor');
select is(
    cardinality(t.withdrawn_slot_ids), 2,
    'slots that begin before the time off, or end after it, are withdrawn')
from api.take_time_off('2027-01-06 09:00:00+00', '2027-01-06 10:00:00+00') as t;
select is(t.withdrawn_slot_ids, array[:'around_it']::uuid[], 'and so is one that is longer')
from api.take_time_off('2027-01-07 09:00:00+00', '2027-01-07 10:00:00+00') as t;
select is(
    (t.withdrawn_slot_ids, t.booked_consultation_ids), ('{}'::uuid[], '{}'::uuid[]),
    'where nothing is in the way two empty lists are returned')
from api.take_time_off('2027-01-08 09:00:00+00', '2027-01-08 10:00:00+00') as t;

-- When time off may be. It is 2027-01-04 08:00:00+00.
select is(
    pg_temp.refusal('doctor', format(
        'select api.take_time_off(%L, %L, %L)', v.starts_at, v.ends_at, v.reason)),
    v.refusal, v.sentence)
from (values
    ('2027-01-05 16:59:59.999999+00', '2027-01-05 18:00+00', null, 'TM913',
     'nobody is away twice at once'),
    ('2027-01-05 08:00+00', '2027-01-05 09:00:00.000001+00', null, 'TM913',
     'not for a microsecond'),
    ('2027-01-05 17:00+00', '2027-01-05 18:00+00', null, null,
     'one absence may follow another one'),
    ('2027-01-03 08:00+00', '2027-01-04 08:00+00', null, 'TM202 ends_at', 'what ends now is over'),
    ('2027-01-03 08:00+00', '2027-01-04 08:00:00.000001+00', null, null,
     'who is away already may say so'),
    (null, '2027-02-01 08:00+00', null, 'TM202 starts_at', 'time off has a start'),
    ('2027-02-01 08:00+00', null, null, 'TM202 ends_at', 'time off has an end'),
    ('2027-02-01 08:00+00', '2027-02-01 08:00+00', null, 'TM202 ends_at',
     'time off lasts some time'),
    ('2027-02-01 08:00+00', '2027-02-01 07:00+00', null, 'TM202 ends_at',
     'time off ends after it begins'),
    ('infinity', 'infinity', null, 'TM202 ends_at', 'time off is not at the end of time'),
    ('-infinity', '2027-01-04 07:00+00', null, 'TM202 ends_at', 'nor at its beginning'),
    ('2027-02-01 08:00+00', 'infinity', null, '23514', 'time off ends some day'),
    ('2027-02-01 08:00+00', '2027-02-01 09:00+00', '', '23514', 'a reason is not empty'),
    ('2027-02-01 08:00+00', '2027-02-01 09:00+00', repeat('r', 4001), '23514',
     'nor longer than 4000 characters')
) as v (starts_at, ends_at, reason, refusal, sentence);
select is(
    pg_temp.refusal(
        'other_doctor', $$select api.take_time_off('2027-01-05 09:00+00', '2027-01-05 17:00+00')$$),
    null, 'two doctors may be away together');

-- Who may not
select is(
    pg_temp.refusal(v.actor,
        $$select api.take_time_off('2027-03-01 09:00+00', '2027-03-01 17:00+00')$$),
    v.refusal, v.sentence)
from (values
    ('patient', 'TM301', 'a patient takes no time off'),
    ('admin', 'TM301', 'an admin takes no time off'),
    ('nobody', 'TM101', 'nobody takes time off without signing in')
) as v (actor, refusal, sentence);

-- Consultations that touch it
reset role;
select pg_temp.set_clock('2027-01-04 08:00:00+00');
set local role telemed_api;
select pg_temp.open_slot('other_doctor', '2027-02-05 08:30:00+00') as touching_before \gset
select pg_temp.open_slot('other_doctor', '2027-02-05 17:00:00+00') as touching_after \gset
select pg_temp.booking('patient', :'touching_before') as before \gset
select pg_temp.booking('patient', :'touching_after') as after \gset
select pg_temp.sign_in('other_doctor');
select is(
    t.booked_consultation_ids, '{}', 'a consultation that only touches the time off is not named')
from api.take_time_off('2027-02-05 09:00:00+00', '2027-02-05 17:00:00+00') as t;

select * from finish();
rollback;
