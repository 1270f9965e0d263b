begin;
\ir ../helpers/actors.psql
select plan(19);

reset role;
select pg_temp.open_slot('other_doctor', '2027-01-05 09:00:00+00') as slot \gset
set local role telemed_api;
select pg_temp.booking('patient', :'slot') as booking \gset
select api.cancel_consultation(:'booking') \g /dev/null

select pg_temp.sign_in('patient');
select collect_tap(
    is(d.id, pg_temp.id_of('doctor'), 'a patient looks at a doctor'),
    is(d.full_name, 'Doctor doctor', 'their name'),
    is(d.specialty, 'Cardiology', 'specialty'),
    is(d.time_zone, 'Europe/Berlin', 'time zone'),
    is((d.fee_minor, d.currency), (5000::bigint, 'EUR'::text), 'and fee'))
from api.get_doctor(pg_temp.id_of('doctor')) as d;
select is(
    (select array_agg(k order by k) from jsonb_object_keys(
        to_jsonb(api.get_doctor(pg_temp.id_of('doctor')))) as k),
    '{currency,fee_minor,full_name,id,is_active,specialty,time_zone}',
    'and nothing that is private to the doctor');
select throws_ok(
    format('select api.get_doctor(%L)', v.id), 'TM401', null, v.sentence)
from (values
    (gen_random_uuid(), 'a doctor who does not exist is not found'),
    (pg_temp.id_of('other_patient'), 'a patient is not found among doctors'),
    (null, 'nor is nobody')) as v (id, sentence);
select pg_temp.sign_in('other_doctor');
select is(
    (api.get_doctor(pg_temp.id_of('doctor'))).specialty, 'Cardiology', 'a colleague looks too');
select pg_temp.sign_in('admin');
select is((api.get_doctor(pg_temp.id_of('doctor'))).specialty, 'Cardiology', 'so does an admin');
reset role;
update app.users set deactivated_at = app.clock() where id = pg_temp.id_of('other_doctor');
set local role telemed_api;
select is(
    pg_temp.refusal(v.actor, format('select api.get_doctor(%L)', pg_temp.id_of('other_doctor'))),
    v.refusal, v.sentence)
from (values
    ('other_patient', 'TM401', 'a patient does not find a doctor who has left'),
    ('doctor', 'TM401', 'nor does a colleague'),
    ('patient', null, 'a patient who was with the doctor still reads who that was'),
    ('admin', null, 'so does an admin')) as v (actor, refusal, sentence);
select pg_temp.sign_in('patient');
select is(
    (d.full_name, d.is_active), ('Doctor other_doctor'::text, false),
    'with the name, and as one who has left')
from api.get_doctor(pg_temp.id_of('other_doctor')) as d;
reset role;
update app.users set deactivated_at = null where id = pg_temp.id_of('other_doctor');
set local role telemed_api;
select is(
    (api.get_doctor(pg_temp.id_of('other_doctor'))).specialty, 'Dermatology',
    'a doctor who comes back is');
select pg_temp.sign_in('nobody');
select throws_ok(
    format('select api.get_doctor(%L)', pg_temp.id_of('doctor')),
    'TM101', null, 'nobody looks without signing in');
select throws_ok(
    'select api.get_doctor(gen_random_uuid())', 'TM101', null, 'or learns who exists');

select * from finish();
rollback;
