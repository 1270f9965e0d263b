begin;
\ir ../helpers/actors.psql
select plan(38);

-- The permitted path
select pg_temp.sign_in('doctor');
select id as slot from api.publish_slot('2027-01-05 09:00:00+00', '2027-01-05 09:30:00+00') \gset
select collect_tap(
    is(s.id, :'slot', 'a doctor publishes a slot'),
    is(s.doctor_id, pg_temp.id_of('doctor'), 'which is the caller''s'),
    is(s.starts_at, '2027-01-05 09:00:00+00', 'begins when it was asked to'),
    is(s.ends_at, '2027-01-05 09:30:00+00', 'ends when it was asked to'),
    is(s.status, 'open', 'and is open'))
from api.list_open_slots(pg_temp.id_of('doctor')) as s;

-- Beside other slots
select is(
    pg_temp.refusal('doctor', format('select api.publish_slot(%L, %L)', v.starts_at, v.ends_at)),
    v.refusal, v.sentence)
from (values
    ('2027-01-05 09:29:59.999999+00', '2027-01-05 10:00+00', 'TM902',
     'not a microsecond may overlap'),
    ('2027-01-05 08:00+00', '2027-01-05 09:00:00.000001+00', 'TM902', 'at neither end'),
    ('2027-01-05 09:00+00', '2027-01-05 09:30+00', 'TM902', 'the same slot is not published twice'),
    ('2027-01-05 08:00+00', '2027-01-05 11:00+00', 'TM902', 'a longer slot does not swallow it'),
    ('2027-01-05 09:30+00', '2027-01-05 10:00+00', null, 'the next slot may begin when it ends'),
    ('2027-01-05 08:30+00', '2027-01-05 09:00+00', null, 'the one before may end when it begins')
) as v (starts_at, ends_at, refusal, sentence);
select is(
    pg_temp.refusal(
        'other_doctor',
        $$select api.publish_slot('2027-01-05 09:00:00+00', '2027-01-05 09:30:00+00')$$),
    null, 'another doctor may offer the same time');

select pg_temp.booking('patient', :'slot') as booking \gset
select is(
    pg_temp.refusal(
        'doctor', $$select api.publish_slot('2027-01-05 09:15:00+00', '2027-01-05 09:45:00+00')$$),
    'TM902', 'a booked slot is not overlapped either');
select api.cancel_consultation(:'booking') is null as cancelled \gset
select pg_temp.sign_in('doctor');
select lives_ok(format('select api.withdraw_slot(%L)', :'slot'), 'a slot is withdrawn');
select isnt(s.id, :'slot', 'its time can be published again, as a new slot')
from api.publish_slot('2027-01-05 09:00:00+00', '2027-01-05 09:30:00+00') as s;

-- When a slot may be. It is 2027-01-04 08:00:00+00.
select is(
    pg_temp.refusal('doctor', format('select api.publish_slot(%L, %L)', v.starts_at, v.ends_at)),
    v.refusal, v.sentence)
from (values
    ('2027-01-04 07:00+00', '2027-01-04 07:30+00', 'TM202 starts_at',
     'a slot is not published in the past'),
    ('2027-01-04 08:00+00', '2027-01-04 08:30+00', 'TM202 starts_at', 'nor at this very moment'),
    ('2027-01-04 08:00:00.000001+00', '2027-01-04 08:30+00', null, 'but a microsecond later'),
    (null, '2027-01-06 08:30+00', 'TM202 starts_at', 'a slot has a start'),
    ('2027-01-06 08:00+00', null, 'TM202 ends_at', 'a slot has an end'),
    ('2027-01-06 08:00+00', '2027-01-06 08:00+00', 'TM202 ends_at', 'a slot lasts some time'),
    ('2027-01-06 08:00+00', '2027-01-06 07:00+00', 'TM202 ends_at', 'a slot ends after it begins'),
    ('2027-01-06 08:00+00', '2027-01-06 08:00:59.999999+00', '23514',
     'less than a minute is no slot'),
    ('2027-01-06 08:00+00', '2027-01-06 08:01+00', null, 'one minute is'),
    ('2027-01-07 08:00+00', '2027-01-08 08:00:00.000001+00', '23514',
     'more than 24 hours is no slot'),
    ('2027-01-07 08:00+00', '2027-01-08 08:00+00', null, '24 hours is'),
    ('-infinity', '2027-02-01 08:00+00', 'TM202 starts_at', 'a slot has not always been'),
    ('infinity', 'infinity', 'TM202 ends_at', 'a slot is not at the end of time'),
    ('2027-02-01 08:00+00', 'infinity', '23514', 'a slot does not last for ever'),
    ('9999-12-31 23:00+00', '10000-01-01 00:00+00', '23514', 'a slot ends before year 10000')
) as v (starts_at, ends_at, refusal, sentence);

-- Time off
select pg_temp.sign_in('doctor');
select lives_ok(
    $$select api.take_time_off('2027-03-01 00:00:00+00', '2027-03-02 00:00:00+00')$$,
    'a doctor takes a day off');
select is(
    pg_temp.refusal('doctor', format('select api.publish_slot(%L, %L)', v.starts_at, v.ends_at)),
    v.refusal, v.sentence)
from (values
    ('2027-03-01 09:00+00', '2027-03-01 09:30+00', 'TM913', 'no slot is published on that day'),
    ('2027-02-28 23:30+00', '2027-03-01 00:00:00.000001+00', 'TM913',
     'nor one that reaches into it'),
    ('2027-02-28 23:30+00', '2027-03-01 00:00+00', null, 'a slot may end when the time off begins'),
    ('2027-03-02 00:00+00', '2027-03-02 00:30+00', null, 'and another may begin when it ends')
) as v (starts_at, ends_at, refusal, sentence);

-- Who may not
select is(
    pg_temp.refusal(
        v.actor, $$select api.publish_slot('2027-04-05 09:00:00+00', '2027-04-05 09:30:00+00')$$),
    v.refusal, v.sentence)
from (values
    ('patient', 'TM301', 'a patient may not publish slots'),
    ('admin', 'TM301', 'an admin may not publish slots'),
    ('nobody', 'TM101', 'nobody publishes without signing in')
) as v (actor, refusal, sentence);

select * from finish();
rollback;
