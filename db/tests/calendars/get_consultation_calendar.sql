begin;
\ir ../helpers/actors.psql
\ir ../helpers/reads.psql
select plan(11);

select pg_temp.booking('patient', pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00'))
    as booking \gset
select is(
    (e.consultation_id, e.sequence, e.status, e.doctor_name, e.starts_at_local)::text,
    (:'booking'::uuid, 0, 'scheduled', 'Doctor doctor', '2027-01-05 10:00 (UTC+01:00)')::text,
    'get_consultation_calendar: the patient reads the entry')
from api.get_consultation_calendar(:'booking') as e;
reset role;
select is(
    (select count(*) from app.access_logs where operation = 'get_consultation_calendar'), 0::bigint,
    'get_consultation_calendar: the access log does not record the read of the patient');
select pg_temp.records_read('get_consultation_calendar', v.actor, format('%L', :'booking'), :'booking')
from (values ('doctor'), ('admin')) as v (actor);
set local role telemed_api;
select pg_temp.sign_in('admin');
select is(e.doctor_name, 'Doctor doctor', 'get_consultation_calendar: an admin reads the entry')
from api.get_consultation_calendar(:'booking') as e;
select is(
    pg_temp.refusal(v.actor, format('select api.get_consultation_calendar(%L)', v.id)), v.refusal,
    'get_consultation_calendar: ' || v.sentence)
from (values
    ('doctor', :'booking', null, 'the doctor reads the entry'),
    ('other_patient', :'booking', 'TM403', 'another patient does not find it'),
    ('other_doctor', :'booking', 'TM403', 'another doctor does not find it'),
    ('nobody', :'booking', 'TM101', 'a caller without a context is refused'),
    ('admin', gen_random_uuid()::text, 'TM403', 'an unknown id is refused'),
    ('admin', null, 'TM403', 'a null id is refused')
) as v (actor, id, refusal, sentence);

select * from finish();
rollback;
