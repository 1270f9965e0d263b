begin;
\ir ../helpers/actors.psql
select plan(7);

select pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00') as slot \gset
select pg_temp.open_slot('doctor', '2027-01-06 09:00:00+00') as cancelled_slot \gset
select pg_temp.open_slot('doctor', '2027-01-07 09:00:00+00') as open_slot \gset
select pg_temp.booking('patient', :'slot') as booking \gset
select pg_temp.booking('patient', :'cancelled_slot') as cancelled \gset
select status from api.cancel_consultation(:'cancelled') \gset
reset role;

select is(app.patient_holds_slot(pg_temp.id_of(v.patient), v.slot), v.holds, v.sentence)
from (values
    ('patient', :'slot'::uuid, true, 'a patient holds a slot by a consultation'),
    ('other_patient', :'slot', false, 'another patient does not'),
    ('patient', :'cancelled_slot', false, 'a cancelled consultation holds nothing'),
    ('patient', :'open_slot', false, 'an open slot is held by nobody'),
    ('patient', null, false, 'and a missing one neither'),
    ('nobody', :'slot', false, 'whoever is not signed in holds none')
) as v (patient, slot, holds, sentence);
-- Whatever status follows: the rows of a completed consultation are tested with booking.
set local session_replication_role = replica;
update app.consultations set status = 'completed', completion_digest = sha256('')
where id = :'booking';
select is(
    app.patient_holds_slot(pg_temp.id_of('patient'), :'slot'), true,
    'a completed consultation goes on holding its slot');

select * from finish();
rollback;
