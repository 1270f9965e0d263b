begin;
\ir ../helpers/actors.psql
\ir ../helpers/keys.psql
select plan(42);

select pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00') as slot \gset
select pg_temp.open_slot('doctor', '2027-01-05 10:00:00+00') as second_slot \gset
select pg_temp.open_slot('doctor', '2027-01-05 11:00:00+00') as third_slot \gset
select pg_temp.open_slot('doctor', '2027-01-05 12:00:00+00') as fourth_slot \gset
select pg_temp.sign_in('patient');
select id as booking from api.book_consultation(:'slot', 'A cough', 'book') \gset
select pg_temp.booking('patient', :'second_slot') as second \gset
select pg_temp.booking('patient', :'third_slot') as third \gset
select pg_temp.booking('patient', :'fourth_slot') as fourth \gset

-- Callers that are refused
select is(
    pg_temp.refusal(v.actor, format(
        'select api.cancel_consultation(%L)', v.id)),
    v.refusal, v.sentence)
from (values
    ('other_patient', :'booking', 'TM403',
     'cancel_consultation: a consultation of another patient is reported as not found'),
    ('other_doctor', :'booking', 'TM403',
     'cancel_consultation: a consultation of another doctor is reported as not found'),
    ('nobody', :'booking', 'TM101', 'an unauthenticated caller cannot cancel a consultation'),
    ('patient', gen_random_uuid()::text, 'TM403',
     'cancel_consultation: an id that does not exist is refused for a patient'),
    ('admin', gen_random_uuid()::text, 'TM403',
     'cancel_consultation: an id that does not exist is refused for an admin'),
    ('patient', null, 'TM403', 'cancel_consultation: a null id is refused')
) as v (actor, id, refusal, sentence);

-- The permitted path
reset role;
select pg_temp.set_clock('2027-01-05 08:59:59.999999+00');
set local role telemed_api;
select pg_temp.sign_in('patient');
select collect_tap(
    is(c.id, :'booking', 'a patient cancels a consultation'),
    is(c.status, 'cancelled', 'a patient can cancel one microsecond before the start'),
    is(c.cancellation_reason, 'I am better', 'a cancelled consultation has the given reason'),
    is(c.slot_id, :'slot', 'a cancelled consultation keeps the id of its slot'),
    is(
        (c.doctor_id, c.doctor_name, c.patient_id, c.patient_name),
        (pg_temp.id_of('doctor'), 'Doctor doctor'::text, pg_temp.id_of('patient'),
         'Patient patient'::text),
        'a cancelled consultation keeps its doctor and its patient'),
    is(
        (c.starts_at, c.ends_at),
        (timestamptz '2027-01-05 09:00:00+00', timestamptz '2027-01-05 09:30:00+00'),
        'a cancelled consultation keeps its start and its end'),
    is((c.reason, c.notes), ('A cough'::text, null::text),
        'a cancelled consultation keeps the reason for its booking'),
    is((c.fee_minor, c.currency), (5000::bigint, 'EUR'::text),
        'a cancelled consultation keeps its fee and its currency'),
    is(c.created_at, '2027-01-04 08:00:00+00',
        'a cancelled consultation keeps the time of its booking'),
    is(c.updated_at, '2027-01-05 08:59:59.999999+00',
        'a cancelled consultation has the time of its cancellation'))
from api.cancel_consultation(:'booking', 'I am better') as c;
select is(s.id, :'slot', 'cancelling a consultation opens its slot again')
from api.list_open_slots(pg_temp.id_of('doctor')) as s;
select is(
    pg_temp.refusal('other_patient', format(
        'select api.book_consultation(%L, null, ''k'')', :'slot')),
    null, 'another patient can book the slot of a cancelled consultation');
select pg_temp.sign_in('patient');
select is(c.status, 'cancelled',
    'a new booking of its slot leaves a cancelled consultation cancelled')
from api.get_consultation(:'booking') as c;
select is(
    pg_temp.refusal(a, format('select api.cancel_consultation(%L)', :'booking')),
    'TM905', 'the ' || a || ' cannot cancel a consultation that is already cancelled')
from unnest('{patient,doctor,admin}'::text[]) as a;

-- At and after the start
reset role;
select pg_temp.set_clock('2027-01-05 10:00:00+00');
set local role telemed_api;
select is(
    pg_temp.refusal('patient', format('select api.cancel_consultation(%L)', :'second')),
    'TM906', 'a patient cannot cancel at the instant of the start');
reset role;
select pg_temp.set_clock('2027-02-01 00:00:00+00');
set local role telemed_api;
select is(
    pg_temp.refusal('patient', format('select api.cancel_consultation(%L)', :'second')),
    'TM906', 'a patient cannot cancel after the start');
select pg_temp.sign_in('patient', 'remember');
select is(c.id, null, 'cancel_consultation returns null when its refusal is stored')
from api.cancel_consultation(:'second', null, 'too late') as c;
reset role;
select is(k.refusal_code, 'TM906', 'the refusal of a late cancellation is stored under its key')
from app.idempotency_keys as k where k.key = 'too late';
set local role telemed_api;
select pg_temp.sign_in('doctor');
select collect_tap(
    is(c.status, 'cancelled', 'the doctor can cancel a consultation long after its start'),
    is(c.cancellation_reason, null, 'a consultation can be cancelled without a reason'))
from api.cancel_consultation(:'second') as c;
select pg_temp.sign_in('admin');
select is(c.status, 'cancelled', 'an admin can cancel a consultation long after its start')
from api.cancel_consultation(:'third', 'The doctor was ill') as c;

-- A completed consultation stays completed
select is(
    pg_temp.refusal('doctor', format('select api.complete_consultation(%L)', :'fourth')),
    null, 'the doctor completes a consultation');
select is(
    pg_temp.refusal(a, format('select api.cancel_consultation(%L)', :'fourth')),
    'TM905', 'the ' || a || ' cannot cancel a completed consultation')
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
    ('', '23514', 'cancel_consultation: an empty reason is refused'),
    (repeat('r', 4001), '23514', 'cancel_consultation: a reason of 4001 characters is refused'),
    (repeat('r', 4000), null, 'cancel_consultation: a reason of 4000 characters is accepted')
) as v (reason, refusal, sentence);

-- Under an idempotency key
reset role;
select pg_temp.set_clock('2027-01-04 08:00:00+00');
select pg_temp.booking('patient', pg_temp.open_slot('doctor', '2027-06-01 09:00:00+00'))
    as keyed \gset
select pg_temp.honours_key('cancel_consultation', 'patient',
    format('%L, ''Ill''', :'keyed'), format('%L, ''Well''', :'keyed'),
    format('%L, null', :'keyed'), 'TM905');

select * from finish();
rollback;
