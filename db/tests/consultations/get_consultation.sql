begin;
\ir ../helpers/actors.psql
select plan(8);

select pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00') as slot \gset
select pg_temp.sign_in('patient');
select id as booking, to_jsonb(b) as answer
from api.book_consultation(:'slot', 'A cough', 'book') as b \gset

select pg_temp.sign_in('patient');
select is(to_jsonb(c), :'answer'::jsonb, 'the patient reads a consultation as it was booked')
from api.get_consultation(:'booking') as c;
select pg_temp.sign_in('doctor');
select is(to_jsonb(c), :'answer'::jsonb, 'the doctor reads a consultation as it was booked')
from api.get_consultation(:'booking') as c;
select pg_temp.sign_in('admin');
select is(to_jsonb(c), :'answer'::jsonb, 'an admin reads a consultation as it was booked')
from api.get_consultation(:'booking') as c;
select is(
    pg_temp.refusal(v.actor, format(
        'select api.get_consultation(%L)', v.id)),
    v.refusal, v.sentence)
from (values
    ('other_patient', :'booking', 'TM403',
     'get_consultation: a consultation of another patient is reported as not found'),
    ('other_doctor', :'booking', 'TM403',
     'get_consultation: a consultation of another doctor is reported as not found'),
    ('nobody', :'booking', 'TM101', 'an unauthenticated caller cannot read a consultation'),
    ('admin', gen_random_uuid()::text, 'TM403',
     'get_consultation: an id that does not exist is refused'),
    ('admin', null, 'TM403', 'get_consultation: a null id is refused')
) as v (actor, id, refusal, sentence);

select * from finish();
rollback;
