begin;
\ir ../helpers/actors.psql
select plan(8);

select pg_temp.sign_in('doctor');
select id as time_off
from api.take_time_off('2027-01-05 08:00:00+00', '2027-01-05 12:00:00+00', 'Holiday') \gset

select collect_tap(
    is(t.starts_at, '2027-01-05 08:00:00+00', 'get_time_off: the doctor reads the beginning'),
    is(t.reason, 'Holiday', 'get_time_off: the doctor reads the reason'))
from api.get_time_off(:'time_off') as t;
select is(
    pg_temp.refusal(v.actor, format('select api.get_time_off(%L)', v.id)), v.refusal,
    'get_time_off: ' || v.sentence)
from (values
    ('other_doctor', :'time_off', 'TM405', 'another doctor does not find it'),
    ('patient', :'time_off', 'TM301', 'a patient is refused'),
    ('admin', :'time_off', 'TM301', 'an admin is refused'),
    ('nobody', :'time_off', 'TM101', 'a caller who is not logged in is refused'),
    ('doctor', gen_random_uuid()::text, 'TM405', 'an id that does not exist is refused'),
    ('doctor', null, 'TM405', 'a null id is refused')
) as v (actor, id, refusal, sentence);

select * from finish();
rollback;
