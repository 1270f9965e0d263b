begin;
\ir ../helpers/actors.psql
select plan(36);

select pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00') as slot \gset
select pg_temp.open_slot('doctor', '2027-01-05 10:00:00+00') as second_slot \gset
select pg_temp.open_slot('doctor', '2027-01-05 11:00:00+00') as third_slot \gset
select pg_temp.open_slot('doctor', '2027-01-05 12:00:00+00') as fourth_slot \gset
select pg_temp.sign_in('patient');
select id as booking from api.book_consultation(:'slot', 'A cough', 'book') \gset
select pg_temp.booking('patient', :'second_slot') as second \gset
select pg_temp.booking('patient', :'third_slot') as third \gset
select pg_temp.booking('patient', :'fourth_slot') as fourth \gset

-- Who may not
select is(
    pg_temp.refusal(v.actor, format(
        'select api.cancel_consultation(%L)', v.id)),
    v.refusal, v.sentence)
from (values
    ('other_patient', :'booking', 'TM403', 'another patient does not even learn of a consultation'),
    ('other_doctor', :'booking', 'TM403', 'nor does another doctor'),
    ('nobody', :'booking', 'TM101', 'nobody cancels without signing in'),
    ('patient', gen_random_uuid()::text, 'TM403',
     'a consultation that does not exist is not cancelled'),
    ('admin', gen_random_uuid()::text, 'TM403', 'by no admin either'),
    ('patient', null, 'TM403', 'nor is none')
) as v (actor, id, refusal, sentence);

-- The permitted path
reset role;
select pg_temp.set_clock('2027-01-05 08:59:59.999999+00');
set local role telemed_api;
select pg_temp.sign_in('patient');
select collect_tap(
    is(c.id, :'booking', 'a patient cancels a consultation'),
    is(c.status, 'cancelled', 'a microsecond before it begins'),
    is(c.cancellation_reason, 'I am better', 'with a reason'),
    is(c.slot_id, :'slot', 'it keeps its slot on record'),
    is(
        (c.doctor_id, c.doctor_name, c.patient_id, c.patient_name),
        (pg_temp.id_of('doctor'), 'Doctor doctor'::text, pg_temp.id_of('patient'),
         'Patient patient'::text),
        'and its two sides'),
    is(
        (c.starts_at, c.ends_at),
        (timestamptz '2027-01-05 09:00:00+00', timestamptz '2027-01-05 09:30:00+00'), 'its time'),
    is((c.reason, c.notes), ('A cough'::text, null::text), 'why it was booked'),
    is((c.fee_minor, c.currency), (5000::bigint, 'EUR'::text), 'its fee'),
    is(c.created_at, '2027-01-04 08:00:00+00', 'when it was made'),
    is(c.updated_at, '2027-01-05 08:59:59.999999+00', 'and when it was cancelled'))
from api.cancel_consultation(:'booking', 'I am better') as c;
select is(s.id, :'slot', 'its slot is open again')
from api.list_open_slots(pg_temp.id_of('doctor')) as s;
select is(
    pg_temp.refusal('other_patient', format(
        'select api.book_consultation(%L, null, ''k'')', :'slot')),
    null, 'another patient can book it');
select pg_temp.sign_in('patient');
select is(c.status, 'cancelled', 'which does not wake the cancelled one')
from api.get_consultation(:'booking') as c;
select is(
    pg_temp.refusal(a, format('select api.cancel_consultation(%L)', :'booking')),
    'TM905', 'a consultation is cancelled once: the ' || a || ' cannot do it again')
from unnest('{patient,doctor,admin}'::text[]) as a;

-- At and after the start
reset role;
select pg_temp.set_clock('2027-01-05 10:00:00+00');
set local role telemed_api;
select is(
    pg_temp.refusal('patient', format('select api.cancel_consultation(%L)', :'second')),
    'TM906', 'at its start a patient can no longer cancel');
reset role;
select pg_temp.set_clock('2027-02-01 00:00:00+00');
set local role telemed_api;
select is(
    pg_temp.refusal('patient', format('select api.cancel_consultation(%L)', :'second')),
    'TM906', 'nor later');
select pg_temp.sign_in('patient', 'remember');
select is(c.id, null, 'which is remembered under a key')
from api.cancel_consultation(:'second', null, 'too late') as c;
reset role;
select is(k.refusal_code, 'TM906', 'with its reason')
from app.idempotency_keys as k where k.key = 'too late';
set local role telemed_api;
select pg_temp.sign_in('doctor');
select collect_tap(
    is(c.status, 'cancelled', 'its doctor can cancel long after the start'),
    is(c.cancellation_reason, null, 'without a reason'))
from api.cancel_consultation(:'second') as c;
select pg_temp.sign_in('admin');
select is(c.status, 'cancelled', 'and so can an admin')
from api.cancel_consultation(:'third', 'The doctor was ill') as c;

-- What is completed stays completed
select is(
    pg_temp.refusal('doctor', format('select api.complete_consultation(%L)', :'fourth')),
    null, 'a consultation takes place');
select is(
    pg_temp.refusal(a, format('select api.cancel_consultation(%L)', :'fourth')),
    'TM905', 'once it is completed no ' || a || ' can cancel it')
from unnest('{patient,doctor,admin}'::text[]) as a;

-- Reasons
reset role;
select pg_temp.open_slot('doctor', '2027-03-01 09:00:00+00') as last_slot \gset
select pg_temp.booking('patient', :'last_slot') as last \gset
set local role telemed_api;
select is(
    pg_temp.refusal('patient', format('select api.cancel_consultation(%L, %L)', :'last', v.reason)),
    v.refusal, v.sentence)
from (values
    ('', '23514', 'a reason is not empty'),
    (repeat('r', 4001), '23514', 'nor longer than 4000 characters'),
    (repeat('r', 4000), null, 'it may have 4000')
) as v (reason, refusal, sentence);

select * from finish();
rollback;
