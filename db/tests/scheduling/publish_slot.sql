begin;
\ir ../helpers/actors.psql
\ir ../helpers/keys.psql
select plan(44);

-- The permitted path
select pg_temp.sign_in('doctor');
select id as slot from api.publish_slot('2027-01-05 09:00:00+00', '2027-01-05 09:30:00+00') \gset
select collect_tap(
    is(s.id, :'slot', 'a doctor publishes a slot'),
    is(s.doctor_id, pg_temp.id_of('doctor'), 'a published slot belongs to the calling doctor'),
    is(s.starts_at, '2027-01-05 09:00:00+00', 'a published slot has the requested start'),
    is(s.ends_at, '2027-01-05 09:30:00+00', 'a published slot has the requested end'),
    is(s.status, 'open', 'a published slot is open'))
from api.list_open_slots(pg_temp.id_of('doctor')) as s;

-- Beside other slots
select is(
    pg_temp.refusal('doctor', format('select api.publish_slot(%L, %L)', v.starts_at, v.ends_at)),
    v.refusal, v.sentence)
from (values
    ('2027-01-05 09:29:59.999999+00', '2027-01-05 10:00+00', 'TM902',
     'a slot that begins one microsecond before another one ends is refused'),
    ('2027-01-05 08:00+00', '2027-01-05 09:00:00.000001+00', 'TM902',
     'a slot that ends one microsecond after another one begins is refused'),
    ('2027-01-05 09:00+00', '2027-01-05 09:30+00', 'TM902',
     'the same slot cannot be published twice'),
    ('2027-01-05 08:00+00', '2027-01-05 11:00+00', 'TM902',
     'a slot that encloses another one is refused'),
    ('2027-01-05 09:30+00', '2027-01-05 10:00+00', null,
     'a slot may begin at the instant at which another one ends'),
    ('2027-01-05 08:30+00', '2027-01-05 09:00+00', null,
     'a slot may end at the instant at which another one begins')
) as v (starts_at, ends_at, refusal, sentence);
select is(
    pg_temp.refusal(
        'other_doctor',
        $$select api.publish_slot('2027-01-05 09:00:00+00', '2027-01-05 09:30:00+00')$$),
    null, 'two doctors may publish slots at the same time');

select pg_temp.booking('patient', :'slot') as booking \gset
select is(
    pg_temp.refusal(
        'doctor', $$select api.publish_slot('2027-01-05 09:15:00+00', '2027-01-05 09:45:00+00')$$),
    'TM902', 'a slot that overlaps a booked slot is refused');
select api.cancel_consultation(:'booking') is null as cancelled \gset
select pg_temp.sign_in('doctor');
select lives_ok(format('select api.withdraw_slot(%L)', :'slot'),
    'the doctor withdraws the slot of a cancelled consultation');
select isnt(s.id, :'slot', 'the time of a withdrawn slot can be published again, as a new slot')
from api.publish_slot('2027-01-05 09:00:00+00', '2027-01-05 09:30:00+00') as s;

-- Valid and invalid times. It is 2027-01-04 08:00:00+00.
select is(
    pg_temp.refusal('doctor', format('select api.publish_slot(%L, %L)', v.starts_at, v.ends_at)),
    v.refusal, v.sentence)
from (values
    ('2027-01-04 07:00+00', '2027-01-04 07:30+00', 'TM202 starts_at',
     'a slot in the past is refused'),
    ('2027-01-04 08:00+00', '2027-01-04 08:30+00', 'TM202 starts_at',
     'a slot that begins now is refused'),
    ('2027-01-04 08:00:00.000001+00', '2027-01-04 08:30+00', null,
     'a slot that begins one microsecond from now is published'),
    (null, '2027-01-06 08:30+00', 'TM202 starts_at', 'publish_slot: a null start is refused'),
    ('2027-01-06 08:00+00', null, 'TM202 ends_at', 'publish_slot: a null end is refused'),
    ('2027-01-06 08:00+00', '2027-01-06 08:00+00', 'TM202 ends_at',
     'a slot of length zero is refused'),
    ('2027-01-06 08:00+00', '2027-01-06 07:00+00', 'TM202 ends_at',
     'a slot that ends before it begins is refused'),
    ('2027-01-06 08:00+00', '2027-01-06 08:00:59.999999+00', 'TM202 ends_at',
     'a slot of less than one minute is refused'),
    ('2027-01-06 08:00+00', '2027-01-06 08:01+00', null, 'a slot of one minute is published'),
    ('2027-01-07 08:00+00', '2027-01-08 08:00:00.000001+00', 'TM202 ends_at',
     'a slot of more than 24 hours is refused'),
    ('2027-01-07 08:00+00', '2027-01-08 08:00+00', null, 'a slot of 24 hours is published'),
    ('-infinity', '2027-02-01 08:00+00', 'TM202 starts_at',
     'publish_slot: a start at -infinity is refused'),
    ('infinity', 'infinity', 'TM202 ends_at',
     'publish_slot: a start and an end at infinity are refused'),
    ('2027-02-01 08:00+00', 'infinity', 'TM202 ends_at', 'publish_slot: an end at infinity is refused'),
    ('9999-12-31 23:00+00', '10000-01-01 00:00+00', '23514',
     'publish_slot: an end in the year 10000 is refused')
) as v (starts_at, ends_at, refusal, sentence);

-- Time off
select pg_temp.sign_in('doctor');
select lives_ok(
    $$select api.take_time_off('2027-03-01 00:00:00+00', '2027-03-02 00:00:00+00')$$,
    'a doctor takes time off for a day');
select is(
    pg_temp.refusal('doctor', format('select api.publish_slot(%L, %L)', v.starts_at, v.ends_at)),
    v.refusal, v.sentence)
from (values
    ('2027-03-01 09:00+00', '2027-03-01 09:30+00', 'TM913', 'a slot within time off is refused'),
    ('2027-02-28 23:30+00', '2027-03-01 00:00:00.000001+00', 'TM913',
     'a slot that reaches one microsecond into time off is refused'),
    ('2027-02-28 23:30+00', '2027-03-01 00:00+00', null,
     'a slot may end at the instant at which time off begins'),
    ('2027-03-02 00:00+00', '2027-03-02 00:30+00', null,
     'a slot may begin at the instant at which time off ends')
) as v (starts_at, ends_at, refusal, sentence);

-- Callers that are refused
select is(
    pg_temp.refusal(
        v.actor, $$select api.publish_slot('2027-04-05 09:00:00+00', '2027-04-05 09:30:00+00')$$),
    v.refusal, v.sentence)
from (values
    ('patient', 'TM301', 'a patient cannot publish a slot'),
    ('admin', 'TM301', 'an admin cannot publish a slot'),
    ('nobody', 'TM101', 'an unauthenticated caller cannot publish a slot')
) as v (actor, refusal, sentence);

-- Under an idempotency key
reset role;
select pg_temp.honours_key('publish_slot', 'doctor',
    $$ '2027-06-01 09:00:00+00', '2027-06-01 10:00:00+00' $$,
    $$ '2027-06-02 09:00:00+00', '2027-06-02 10:00:00+00' $$,
    $$ '2027-06-01 09:30:00+00', '2027-06-01 10:30:00+00' $$, 'TM902');

select * from finish();
rollback;
