begin;
\ir ../helpers/actors.psql
select plan(12);

select pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00') as slot \gset
select pg_temp.open_slot('doctor', '2027-01-06 09:00:00+00') as cancelled_slot \gset
select pg_temp.open_slot('doctor', '2027-01-07 09:00:00+00') as completed_slot \gset
select pg_temp.booking('patient', :'slot') as booking \gset
select pg_temp.booking('patient', :'cancelled_slot') as cancelled \gset
select pg_temp.booking('patient', :'completed_slot') as completed \gset
select status from api.cancel_consultation(:'cancelled') \gset
select pg_temp.sign_in('doctor');
select status from api.complete_consultation(:'completed') \gset
reset role;

select is(
    app.patient_is_busy(pg_temp.id_of(v.patient), v.starts_at::timestamptz, v.ends_at::timestamptz),
    v.is_busy, v.sentence)
from (values
    ('patient', '2027-01-05 09:00+00', '2027-01-05 09:30+00', true,
     'a patient is busy for the whole time of a consultation'),
    ('patient', '2027-01-05 09:10+00', '2027-01-05 09:20+00', true,
     'a patient is busy for a part of the time of a consultation'),
    ('patient', '2027-01-05 08:00+00', '2027-01-05 12:00+00', true,
     'a patient is busy for a time that encloses a consultation'),
    ('patient', '2027-01-05 09:29:59.999999+00', '2027-01-05 10:00+00', true,
     'a patient is busy for a time that overlaps the last microsecond of a consultation'),
    ('patient', '2027-01-05 08:30+00', '2027-01-05 09:00:00.000001+00', true,
     'a patient is busy for a time that overlaps the first microsecond of a consultation'),
    ('patient', '2027-01-05 09:30+00', '2027-01-05 10:00+00', false,
     'a patient is free from the end of a consultation'),
    ('patient', '2027-01-05 08:30+00', '2027-01-05 09:00+00', false,
     'a patient is free until the start of a consultation'),
    ('patient', '2027-01-06 09:00+00', '2027-01-06 09:30+00', false,
     'a cancelled consultation does not make its patient busy'),
    ('patient', '2027-01-07 09:00+00', '2027-01-07 09:30+00', false,
     'a completed consultation does not make its patient busy'),
    ('other_patient', '2027-01-05 09:00+00', '2027-01-05 09:30+00', false,
     'a consultation does not make another patient busy')
) as v (patient, starts_at, ends_at, is_busy, sentence);
select is(
    app.patient_is_busy(
        pg_temp.id_of('patient'), '2027-01-05 09:00:00+00', '2027-01-05 09:30:00+00', v.except_id),
    v.is_busy, v.sentence)
from (values
    (:'booking'::uuid, false, 'patient_is_busy leaves out the consultation that is to be moved'),
    (:'cancelled'::uuid, true,
     'patient_is_busy leaves out no consultation but the one that is to be moved')
) as v (except_id, is_busy, sentence);

select * from finish();
rollback;
