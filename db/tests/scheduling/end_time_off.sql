begin;
\ir ../helpers/actors.psql
select plan(12);

select pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00') as slot \gset
select pg_temp.sign_in('doctor');
select id as time_off
from api.take_time_off('2027-01-05 08:00:00+00', '2027-01-05 17:00:00+00') \gset
select id as another
from api.take_time_off('2027-01-06 08:00:00+00', '2027-01-06 17:00:00+00') \gset

-- Callers that are refused
select is(
    pg_temp.refusal(v.actor, format(
        'select api.end_time_off(%L)', :'time_off')),
    v.refusal, v.sentence)
from (values
    ('other_doctor', 'TM405', 'end_time_off: time off of another doctor is reported as not found'),
    ('patient', 'TM301', 'a patient cannot end time off'),
    ('admin', 'TM301', 'an admin cannot end time off'),
    ('nobody', 'TM101', 'an unauthenticated caller cannot end time off')
) as v (actor, refusal, sentence);

-- The permitted path
select is(
    pg_temp.refusal(
        'doctor', $$select api.publish_slot('2027-01-05 09:00:00+00', '2027-01-05 09:30:00+00')$$),
    'TM913', 'a doctor cannot publish a slot within time off');
select is(
    pg_temp.refusal('doctor', format('select api.end_time_off(%L)', :'time_off')),
    null, 'a doctor ends time off');
select is(array_agg(t.id), array[:'another']::uuid[],
    'ending time off leaves other time off of the doctor as it is')
from api.list_time_off() as t;
select is_empty(
    format('select id from api.list_open_slots(%L)', pg_temp.id_of('doctor')),
    'a slot that time off has withdrawn stays withdrawn after the time off has ended');
select isnt(s.id, :'slot', 'a doctor can publish a new slot once the time off has ended')
from api.publish_slot('2027-01-05 09:00:00+00', '2027-01-05 09:30:00+00') as s;

-- Refusals
select is(
    pg_temp.refusal('doctor', format('select api.end_time_off(%L)', v.id)), 'TM405', v.sentence)
from (values
    (:'time_off', 'time off cannot be ended twice'),
    (gen_random_uuid()::text, 'time off that does not exist cannot be ended'),
    (null, 'end_time_off: a null id is refused')
) as v (id, sentence);

select * from finish();
rollback;
