begin;
\ir ../helpers/actors.psql
select plan(3);
reset role;

select pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00') as slot \gset
select pg_temp.booking('patient', :'slot') as booking \gset
select pg_temp.sign_in('doctor', p_request_id => 'request-1');
select api.complete_consultation(:'booking') \g /dev/null
select p.id as prescription from api.issue_prescription(
    :'booking',
    '[{"drug": "Zebra", "dosage": "1 g"}, {"drug": "Zebra", "dosage": "2 g"}]', 'Zebra') as p \gset
create temp table written on commit drop as
select * from app.events where consultation_id = :'booking' and sequence_number > 2;
select results_eq(
    'select type::text, sequence_number::integer, slot_id, doctor_id, patient_id, actor_id, request_id::text,'
    ' cause::text from written',
    format(
        $$ values ('prescription.issued', 3, %L::uuid, %L::uuid, %L::uuid, %L::uuid, 'request-1',
                   'issue_prescription') $$,
        :'slot', pg_temp.id_of('doctor'), pg_temp.id_of('patient'), pg_temp.id_of('doctor')),
    'prescription.issued: a prescription with two items is one event of its consultation');
select is(w.data::jsonb, jsonb_build_object('prescription_id', :'prescription'),
    'prescription.issued: the event has the id of the prescription, and nothing that it says')
from written as w;
select is_empty(
    $$ select * from app.events as e where e::text ~* 'zebra' $$,
    'prescription.issued: no event names a drug');

select * from finish();
rollback;
