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
    ('patient', :'slot'::uuid, true, 'a patient holds a slot by a scheduled consultation'),
    ('other_patient', :'slot', false, 'a patient does not hold the slot of another patient'),
    ('patient', :'cancelled_slot', false, 'a cancelled consultation does not hold its slot'),
    ('patient', :'open_slot', false, 'an open slot is not held by a patient'),
    ('patient', null, false, 'patient_holds_slot is false for a null slot id'),
    ('nobody', :'slot', false, 'patient_holds_slot is false for a null patient id')
) as v (patient, slot, holds, sentence);
-- A direct update without triggers: only the status matters here.
set local session_replication_role = replica;
update app.consultations set status = 'completed', completion_digest = sha256('')
where id = :'booking';
select is(
    app.patient_holds_slot(pg_temp.id_of('patient'), :'slot'), true,
    'a completed consultation still holds its slot');

select * from finish();
rollback;
