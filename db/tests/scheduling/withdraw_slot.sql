begin;
\ir ../helpers/actors.psql
select plan(20);

select pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00') as slot \gset
select pg_temp.open_slot('doctor', '2027-01-05 10:00:00+00') as booked_slot \gset
select pg_temp.open_slot('doctor', '2027-01-04 07:45:00+00') as begun_slot \gset
select pg_temp.booking('patient', :'booked_slot') as booking \gset

-- Callers that are refused
select is(
    pg_temp.refusal(v.actor, format(
        'select api.withdraw_slot(%L)', :'slot')),
    v.refusal, v.sentence)
from (values
    ('other_doctor', 'TM402', 'withdraw_slot: a slot of another doctor is reported as not found'),
    ('patient', 'TM301', 'a patient cannot withdraw a slot'),
    ('admin', 'TM301', 'an admin cannot withdraw a slot'),
    ('nobody', 'TM101', 'an unauthenticated caller cannot withdraw a slot')
) as v (actor, refusal, sentence);

-- The permitted path
select pg_temp.sign_in('doctor');
select collect_tap(
    is(s.id, :'slot', 'a doctor withdraws an open slot'),
    is(s.doctor_id, pg_temp.id_of('doctor'), 'a withdrawn slot keeps its doctor'),
    is(s.starts_at, '2027-01-05 09:00:00+00', 'a withdrawn slot keeps its start'),
    is(s.ends_at, '2027-01-05 09:30:00+00', 'a withdrawn slot keeps its end'),
    is(s.status, 'withdrawn', 'withdraw_slot returns the slot as withdrawn'))
from api.withdraw_slot(:'slot') as s;
select is_empty(
    format('select from api.list_open_slots(%L)', pg_temp.id_of('doctor')),
    'a withdrawn slot is not listed as open');
select is(s.status, 'withdrawn', 'withdrawing a slot twice changes nothing')
from api.withdraw_slot(:'slot') as s;
select is(s.status, 'withdrawn', 'an open slot can be withdrawn after it has begun')
from api.withdraw_slot(:'begun_slot') as s;
select is(
    pg_temp.refusal('patient', format('select api.book_consultation(%L, null, ''k'')', :'slot')),
    'TM901', 'a withdrawn slot cannot be booked');

-- Refusals
select is(
    pg_temp.refusal('doctor', format('select api.withdraw_slot(%L)', :'booked_slot')),
    'TM910', 'a booked slot cannot be withdrawn');
select is(
    pg_temp.refusal('doctor', format('select api.withdraw_slot(%L)', gen_random_uuid())),
    'TM402', 'a slot that does not exist cannot be withdrawn');
select is(
    pg_temp.refusal('doctor', 'select api.withdraw_slot(null)'),
    'TM402', 'withdraw_slot: a null slot id is refused');
select is(
    pg_temp.refusal('doctor', format('select api.complete_consultation(%L)', :'booking')),
    null, 'the doctor completes the consultation in a booked slot');
select is(
    pg_temp.refusal('doctor', format('select api.withdraw_slot(%L)', :'booked_slot')),
    'TM910', 'the slot of a completed consultation cannot be withdrawn');

-- After a cancellation
select pg_temp.open_slot('doctor', '2027-01-05 11:00:00+00') as cancelled_slot \gset
select pg_temp.booking('patient', :'cancelled_slot') as cancelled \gset
select lives_ok(format(
    'select api.cancel_consultation(%L)', :'cancelled'), 'the patient cancels a consultation');
select pg_temp.sign_in('doctor');
select is(s.status, 'withdrawn', 'the slot of a cancelled consultation can be withdrawn')
from api.withdraw_slot(:'cancelled_slot') as s;

select * from finish();
rollback;
