begin;
\ir ../helpers/actors.psql
select plan(4);
reset role;

select pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00') as slot \gset
select pg_temp.booking('patient', :'slot') as booking \gset
select pg_temp.sign_in('admin', p_request_id => 'request-1');
select p.id as payment
from api.record_payment(:'booking', 5000, 'EUR', 'card', 'Zebra', 'bank', 'pay') as p \gset
select p.id as refund from api.refund_payment(:'payment', 1000, 'Zebra', 'refund') as p \gset
create temp table written on commit drop as
select * from app.events where consultation_id = :'booking' and sequence_number > 1;
select results_eq(
    'select type::text, sequence_number::integer, slot_id, doctor_id, patient_id, actor_id, cause::text'
    ' from written order by id',
    format(
        $$ values ('payment.recorded', 2, %L::uuid, %L::uuid, %L::uuid, %L::uuid, 'record_payment'),
                  ('refund.recorded', 3, %L, %L, %L, %L, 'refund_payment') $$,
        :'slot', pg_temp.id_of('doctor'), pg_temp.id_of('patient'), pg_temp.id_of('admin'),
        :'slot', pg_temp.id_of('doctor'), pg_temp.id_of('patient'), pg_temp.id_of('admin')),
    'payments_write_events: a payment and its refund are one event each');
select is(w.data::jsonb,
    jsonb_build_object(
        'payment_id', :'payment', 'amount_minor', 5000, 'currency', 'EUR', 'method', 'card'),
    'payment.recorded: the event has the amount and the id')
from written as w where w.type = 'payment.recorded';
select is(w.data::jsonb,
    jsonb_build_object(
        'payment_id', :'refund', 'amount_minor', 1000, 'currency', 'EUR', 'method', 'card',
        'refunded_payment_id', :'payment'),
    'refund.recorded: the event has the payment that is refunded')
from written as w where w.type = 'refund.recorded';
select is_empty(
    $$ select * from written as w where w::text ~* 'zebra' $$,
    'payments_write_events: no event has the reference or the reason');

select * from finish();
rollback;
