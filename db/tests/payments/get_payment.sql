begin;
\ir ../helpers/actors.psql
select plan(12);

select pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00') as slot \gset
select pg_temp.booking('patient', :'slot') as booking \gset
select pg_temp.sign_in('admin');
select id as payment, to_jsonb(p) as answer
from api.record_payment(:'booking', 2000, 'EUR', 'card', 'tx_1', null, 'pay') as p \gset
select id as refund, to_jsonb(p) as refund_answer
from api.refund_payment(:'payment', 500, 'Late', 'refund') as p \gset

select is(
    to_jsonb(p), :'answer'::jsonb, 'get_payment: an admin reads a payment as it was recorded')
from api.get_payment(:'payment') as p;
select is(
    to_jsonb(p), :'refund_answer'::jsonb, 'get_payment: an admin reads a refund as it was recorded')
from api.get_payment(:'refund') as p;
reset role;
select is(
    array_agg(l.resource_ids order by l.id), array[array[:'booking'::uuid], array[:'booking'::uuid]],
    'get_payment: the access log has both reads of the admin')
from app.access_logs as l
where l.kind = 'read' and l.operation = 'get_payment' and l.user_id = pg_temp.id_of('admin');
set local role telemed_api;
select pg_temp.sign_in('patient');
select is(to_jsonb(p), :'answer'::jsonb, 'get_payment: the patient reads the payment')
from api.get_payment(:'payment') as p;
reset role;
select is_empty(
    format('select from app.access_logs where user_id = %L', pg_temp.id_of('patient')),
    'get_payment: a read of the patient is not in the access log');
set local role telemed_api;

-- Refusals
select is(
    pg_temp.refusal(v.actor, format('select api.get_payment(%L)', v.id)),
    v.refusal, 'get_payment: ' || v.sentence)
from (values
    ('other_patient', :'payment', 'TM404', 'another patient does not find the payment'),
    ('other_patient', :'refund', 'TM404', 'another patient does not find the refund'),
    ('doctor', :'payment', 'TM301', 'the doctor of the consultation is refused'),
    ('other_doctor', :'payment', 'TM301', 'another doctor is refused'),
    ('nobody', :'payment', 'TM101', 'a caller who is not logged in is refused'),
    ('admin', gen_random_uuid()::text, 'TM404', 'an id that does not exist is refused'),
    ('admin', null, 'TM404', 'a null id is refused')
) as v (actor, id, refusal, sentence);

select * from finish();
rollback;
