begin;
\ir ../helpers/actors.psql
select plan(12);

select pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00') as slot \gset
select pg_temp.sign_in('doctor');
select id as time_off
from api.take_time_off('2027-01-05 08:00:00+00', '2027-01-05 17:00:00+00') \gset
select id as another
from api.take_time_off('2027-01-06 08:00:00+00', '2027-01-06 17:00:00+00') \gset

-- Who may not
select is(
    pg_temp.refusal(v.actor, format(
        'select api.end_time_off(%L)', :'time_off')),
    v.refusal, v.sentence)
from (values
    ('other_doctor', 'TM405', 'another doctor does not even learn of the time off'),
    ('patient', 'TM301', 'a patient may not end time off'),
    ('admin', 'TM301', 'an admin may not end time off'),
    ('nobody', 'TM101', 'nobody ends it without signing in')
) as v (actor, refusal, sentence);

-- The permitted path
select is(
    pg_temp.refusal(
        'doctor', $$select api.publish_slot('2027-01-05 09:00:00+00', '2027-01-05 09:30:00+00')$$),
    'TM913', 'during time off nothing can be published');
select is(
    pg_temp.refusal('doctor', format('select api.end_time_off(%L)', :'time_off')),
    null, 'a doctor comes back earlier');
select is(array_agg(t.id), array[:'another']::uuid[], 'other time off stays')
from api.list_time_off() as t;
select is_empty(
    format('select id from api.list_open_slots(%L)', pg_temp.id_of('doctor')),
    'the slots that were withdrawn stay withdrawn');
select isnt(s.id, :'slot', 'but their time can be published again')
from api.publish_slot('2027-01-05 09:00:00+00', '2027-01-05 09:30:00+00') as s;

-- Refusals
select is(
    pg_temp.refusal('doctor', format('select api.end_time_off(%L)', v.id)), 'TM405', v.sentence)
from (values
    (:'time_off', 'time off ends once'),
    (gen_random_uuid()::text, 'time off that does not exist cannot be ended'),
    (null, 'nor can none')
) as v (id, sentence);

select * from finish();
rollback;
