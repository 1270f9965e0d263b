begin;
\ir ../helpers/actors.psql
select plan(6);
select pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00') as slot \gset
select pg_temp.open_slot('other_doctor', '2027-01-06 09:00:00+00') as later_slot \gset
reset role;

select is(
    app.doctor_has_patient(pg_temp.id_of('doctor'), pg_temp.id_of('patient')), false,
    'a doctor does not have a patient before the first booking');
set local role telemed_api;
select pg_temp.booking('patient', :'slot') as booking \gset
reset role;
select is(
    app.doctor_has_patient(pg_temp.id_of('doctor'), pg_temp.id_of('patient')), true,
    'a doctor has a patient after the first booking');
select is(
    app.doctor_has_patient(pg_temp.id_of('other_doctor'), pg_temp.id_of('patient')), false,
    'another doctor does not have the patient of that booking');
set local role telemed_api;
select pg_temp.booking('patient', :'later_slot') as later \gset
select api.cancel_consultation(:'later') \g /dev/null
reset role;
select is(
    app.doctor_has_patient(pg_temp.id_of(v.doctor), pg_temp.id_of('patient')), true, v.sentence)
from (values
    ('doctor', 'a doctor still has a patient who has booked another doctor since'),
    ('other_doctor',
     'a doctor has a patient whose only consultation is cancelled')) as v (doctor, sentence);
set local role telemed_api;
select throws_ok(
    format('select app.doctor_has_patient(%L, %L)', :'booking', :'booking'), '42501', null,
    'a client cannot call doctor_has_patient');

select * from finish();
rollback;
