begin;
\ir ../helpers/actors.psql
select plan(17);

select pg_temp.sign_in('doctor');
select id as open, to_jsonb(s) as answer
from api.publish_slot('2027-01-05 09:00:00+00', '2027-01-05 09:30:00+00') as s \gset
select pg_temp.open_slot('doctor', '2027-01-05 10:00:00+00') as booked \gset
select pg_temp.open_slot('doctor', '2027-01-05 11:00:00+00') as withdrawn \gset
select pg_temp.booking('patient', :'booked') as booking \gset
select pg_temp.sign_in('doctor');
select status from api.withdraw_slot(:'withdrawn') \gset

select is(to_jsonb(s), :'answer'::jsonb, 'get_slot: the doctor reads a slot as it was published')
from api.get_slot(:'open') as s;
select is(
    pg_temp.refusal(v.actor, format('select api.get_slot(%L)', v.id)), v.refusal,
    'get_slot: ' || v.sentence)
from (values
    ('patient', :'open', null, 'a patient reads an open slot'),
    ('other_doctor', :'open', null, 'another doctor reads an open slot'),
    ('admin', :'open', null, 'an admin reads an open slot'),
    ('patient', :'booked', null, 'the patient who holds a slot reads it'),
    ('doctor', :'booked', null, 'the doctor reads a booked slot'),
    ('admin', :'booked', null, 'an admin reads a booked slot'),
    ('other_patient', :'booked', 'TM402', 'another patient does not find a booked slot'),
    ('other_doctor', :'booked', 'TM402', 'another doctor does not find a booked slot'),
    ('doctor', :'withdrawn', null, 'the doctor reads a withdrawn slot'),
    ('patient', :'withdrawn', 'TM402', 'a patient does not find a withdrawn slot'),
    ('nobody', :'open', 'TM101', 'a caller who is not logged in is refused'),
    ('admin', gen_random_uuid()::text, 'TM402', 'an id that does not exist is refused'),
    ('admin', null, 'TM402', 'a null id is refused')
) as v (actor, id, refusal, sentence);
select pg_temp.sign_in('patient');
select is(s.status, 'booked', 'get_slot: a booked slot has the status booked')
from api.get_slot(:'booked') as s;
select status from api.cancel_consultation(:'booking') \gset
select is(s.status, 'open', 'get_slot: the slot of a cancelled consultation is open again')
from api.get_slot(:'booked') as s;
select pg_temp.sign_in('doctor');
select status from api.withdraw_slot(:'booked') \gset
select is(
    pg_temp.refusal('patient', format('select api.get_slot(%L)', :'booked')), 'TM402',
    'get_slot: a patient whose consultation is cancelled does not find the withdrawn slot');

select * from finish();
rollback;
