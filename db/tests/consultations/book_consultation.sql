begin;
\ir ../helpers/actors.psql
\ir ../helpers/keys.psql
select plan(61);

select pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00') as slot \gset
select pg_temp.open_slot('doctor', '2027-01-05 10:00:00+00') as second_slot \gset
select pg_temp.open_slot('other_doctor', '2027-01-05 09:15:00+00') as overlapping_slot \gset
select pg_temp.open_slot('doctor', '2027-01-04 07:45:00+00') as begun_slot \gset

-- The permitted path
select pg_temp.sign_in('patient');
select id as booking from api.book_consultation(:'slot', 'A cough', 'key-1') \gset
select collect_tap(
    is(c.status, 'scheduled', 'a patient books an open slot'),
    is(c.patient_id, pg_temp.id_of('patient'),
        'a booked consultation belongs to the calling patient'),
    is(c.doctor_id, pg_temp.id_of('doctor'), 'a booked consultation has the doctor of its slot'),
    is(c.doctor_name, 'Doctor doctor', 'a booked consultation has the doctor''s name'),
    is(c.patient_name, 'Patient patient', 'a booked consultation has the patient''s name'),
    is(c.slot_id, :'slot', 'a booked consultation has the requested slot'),
    is(c.starts_at, '2027-01-05 09:00:00+00', 'a booked consultation has the start of its slot'),
    is(c.ends_at, '2027-01-05 09:30:00+00', 'a booked consultation has the end of its slot'),
    is(c.reason, 'A cough', 'a booked consultation has the given reason'),
    is((c.notes, c.cancellation_reason), (null::text, null::text),
        'a booked consultation has neither notes nor a cancellation reason'),
    is((c.fee_minor, c.currency), (5000::bigint, 'EUR'::text),
        'a booked consultation has the doctor''s current fee and currency'),
    is(
        (c.created_at, c.updated_at),
        (timestamptz '2027-01-04 08:00:00+00', timestamptz '2027-01-04 08:00:00+00'),
        'a booked consultation has the time of its booking'))
from api.get_consultation(:'booking') as c;

reset role;
select is(status, 'booked', 'booking a consultation marks its slot as booked')
from app.availability_slots where id = :'slot';
update app.doctors set fee_minor = 9900 where user_id = pg_temp.id_of('doctor');
set local role telemed_api;
select is(c.fee_minor, 5000::bigint,
    'a later change of the doctor''s fee does not reach a booked consultation')
from api.get_consultation(:'booking') as c;

-- Retries
select is(
    (select to_jsonb(b) from api.book_consultation(:'slot', 'A cough', 'key-1') as b),
    (select to_jsonb(c) || '{"fee_minor": 5000}' from api.get_consultation(:'booking') as c),
    'a retry of book_consultation returns the first answer');
reset role;
select is(count(*), 1::bigint, 'a retry of book_consultation books nothing') from app.consultations;
select is(resource_id, :'booking', 'the idempotency key stores the booked consultation')
from app.idempotency_keys where key = 'key-1';
set local role telemed_api;
select throws_ok(
    format('select api.book_consultation(%L, %L, %L)', :'slot', 'Another reason', 'key-1'),
    'TM203', null, 'book_consultation: the key of another request is refused');

-- A key belongs to one user
select pg_temp.sign_in('other_patient');
select isnt(b.id, :'booking', 'two patients may use the same idempotency key')
from api.book_consultation(:'second_slot', null, 'key-1') as b;

-- Refusals
select throws_ok(
    format('select api.book_consultation(%L, null, %L)', :'slot', 'key-2'),
    'TM901', null, 'a booked slot cannot be booked by a second patient');
select throws_ok(
    format('select api.book_consultation(%L, null, %L)', :'begun_slot', 'key-3'),
    'TM903', null, 'a slot that has begun cannot be booked');
select throws_ok(
    format('select api.book_consultation(%L, null, %L)', gen_random_uuid(), 'key-4'),
    'TM402', null, 'a slot that does not exist cannot be booked');
select throws_ok(
    format('select api.book_consultation(%L)', :'overlapping_slot'),
    'TM206', null, 'book_consultation: a missing idempotency key is refused');
select throws_ok(
    format('select api.book_consultation(%L, null, %L)', :'overlapping_slot', repeat('k', 256)),
    '23514', null, 'book_consultation: an idempotency key of 256 characters is refused');
select pg_temp.sign_in('patient');
select throws_ok(
    format('select api.book_consultation(%L, null, %L)', :'overlapping_slot', 'key-5'),
    'TM904', null, 'a patient cannot book two consultations that overlap');

-- The patient's own slot
select is(
    pg_temp.refusal(v.actor, format(
        'select api.book_consultation(%L, %L, %L)', :'slot', v.reason, v.key)),
    v.refusal, v.sentence)
from (values
    ('patient', 'A cough', 'key-1', null,
     'book_consultation: the same request under the same key is a retry'),
    ('patient', 'A cough', 'own-1', 'TM918',
     'book_consultation: the patient''s own slot is refused with TM918 under a new key'),
    ('other_patient', null, 'own-1', 'TM901',
     'book_consultation: the slot of another patient is refused with TM901')
) as v (actor, reason, key, refusal, sentence);

-- A stored refusal
select pg_temp.sign_in('other_patient', 'remember');
select is(b.id, null, 'book_consultation returns null when its refusal is stored')
from api.book_consultation(:'slot', null, 'key-6') as b;
reset role;
select is((refusal_code, resource_id), ('TM901'::text, null::uuid),
    'a refusal of book_consultation is stored under its key')
from app.idempotency_keys where key = 'key-6';
set local role telemed_api;
select pg_temp.sign_in('patient');
select lives_ok(format('select api.cancel_consultation(%L)', :'booking'),
    'the first patient cancels and frees the slot');
select pg_temp.sign_in('other_patient');
select throws_ok(
    format('select api.book_consultation(%L, null, %L)', :'slot', 'key-6'),
    'TM901', null, 'a duplicate of a refused booking is refused again, although the slot is open');
select lives_ok(
    format('select api.book_consultation(%L, null, %L)', :'slot', 'key-7'),
    'a booking under a new key succeeds once the slot is open');

-- Refusals that are stored, and those that are not
select pg_temp.sign_in('other_patient', 'remember');
select is(b.id, null, 'book_consultation stores the refusal of a slot that has begun')
from api.book_consultation(:'begun_slot', null, 'key-9') as b;
select is(b.id, null, 'book_consultation stores the refusal of an overlapping consultation')
from api.book_consultation(:'overlapping_slot', null, 'key-10') as b;
select is(b.id, null, 'book_consultation stores the refusal of the patient''s own slot')
from api.book_consultation(:'slot', null, 'key-15') as b;
reset role;
select set_eq(
    $$select key::text, refusal_code from app.idempotency_keys where refusal_code is not null$$,
    $$values ('key-6', 'TM901'), ('key-9', 'TM903'), ('key-10', 'TM904'), ('key-15', 'TM918')$$,
    'each stored refusal of a booking stands under its own key');
select pg_temp.open_slot('doctor', '2027-01-06 09:00:00+00') as new_slot \gset
set local role telemed_api;
select pg_temp.refusal(
    'patient', format(
        'select api.book_consultation(%L, null, ''key-11'')', gen_random_uuid())) as missed \gset
select is(
    pg_temp.refusal('patient', format(
        'select api.book_consultation(%L, null, ''key-11'')', :'new_slot')),
    null, 'a booking of a slot that does not exist leaves its key free');
select is(
    pg_temp.refusal('patient', format(
        'select api.book_consultation(%L, %L, %L)', :'slot', v.reason, v.key)),
    v.refusal, v.sentence)
from (values
    ('key-1', null, 'TM203 Idempotency-Key',
     'book_consultation: a request without the reason of the first one is refused'),
    ('key-1', 'A cough', null, 'a retry is answered although the consultation is cancelled')
) as v (key, reason, refusal, sentence);
select is(b.status, 'scheduled', 'a retry returns the consultation as it was at the first answer')
from api.book_consultation(:'slot', 'A cough', 'key-1') as b;

-- The last moment
reset role;
select pg_temp.open_slot('doctor', '2027-01-07 09:00:00+00') as near_slot \gset
select pg_temp.set_clock('2027-01-07 09:00:00+00');
set local role telemed_api;
select is(
    pg_temp.refusal('patient', format(
        'select api.book_consultation(%L, null, ''key-12'')', :'near_slot')),
    'TM903', 'a slot cannot be booked at the instant at which it begins');
reset role;
select pg_temp.set_clock('2027-01-07 08:59:59.999999+00');
set local role telemed_api;
select is(
    pg_temp.refusal('patient', format(
        'select api.book_consultation(%L, null, ''key-12'')', :'near_slot')),
    null, 'a slot can be booked one microsecond before it begins');

-- Consecutive consultations, and valid and invalid requests
reset role;
select pg_temp.open_slot('other_doctor', '2027-01-07 09:30:00+00') as next_slot \gset
select pg_temp.open_slot('doctor', '2027-01-08 09:00:00+00') as free_slot \gset
select pg_temp.open_slot('doctor', '2027-01-09 09:00:00+00') as withdrawn_slot \gset
update app.availability_slots set status = 'withdrawn' where id = :'withdrawn_slot';
set local role telemed_api;
select is(
    pg_temp.refusal('patient', format(
        'select api.book_consultation(%L, %L, %L)', v.slot, v.reason, v.key)),
    v.refusal, v.sentence)
from (values
    (:'next_slot', null, 'key-13', null,
     'a patient can book a consultation that begins when another one ends'),
    (:'withdrawn_slot', null, 'key-14', 'TM901', 'a withdrawn slot cannot be booked'),
    (null, null, 'key-14', 'TM402', 'book_consultation: a null slot id is refused'),
    (:'free_slot', '', 'key-14', '23514', 'book_consultation: an empty reason is refused'),
    (:'free_slot', repeat('r', 4001), 'key-14', '23514',
     'book_consultation: a reason of 4001 characters is refused'),
    (:'free_slot', null, '', '23514', 'book_consultation: an empty idempotency key is refused'),
    (:'free_slot', null, 'schlüssel', '23514',
     'book_consultation: a key with non-ASCII characters is refused'),
    (:'free_slot', repeat('r', 4000), repeat('k', 255), null,
     'book_consultation: a reason of 4000 and a key of 255 characters are accepted')
) as v (slot, reason, key, refusal, sentence);

-- Callers that are refused
select pg_temp.sign_in('doctor');
select throws_ok(
    format('select api.book_consultation(%L, null, %L)', :'overlapping_slot', 'key-8'),
    'TM301', null, 'a doctor cannot book a consultation');
select pg_temp.sign_in('admin');
select throws_ok(
    format('select api.book_consultation(%L, null, %L)', :'overlapping_slot', 'key-8'),
    'TM301', null, 'an admin cannot book a consultation');
select pg_temp.sign_in('nobody');
select throws_ok(
    format('select api.book_consultation(%L, null, %L)', :'overlapping_slot', 'key-8'),
    'TM101', null, 'an unauthenticated caller cannot book a consultation');
reset role;
update app.users set deactivated_at = app.clock() where id = pg_temp.id_of('other_patient');
set local role telemed_api;
select is(
    pg_temp.refusal('other_patient', format(
        'select api.book_consultation(%L, null, %L)', :'slot', 'key-7')),
    'TM102', 'a deactivated patient gets no replay of an earlier booking');

-- Under an idempotency key
reset role;
select pg_temp.set_clock('2027-01-04 08:00:00+00');
select pg_temp.open_slot('doctor', '2027-06-01 09:00:00+00') as keyed_slot \gset
select pg_temp.open_slot('doctor', '2027-06-01 10:00:00+00') as own_slot \gset
select pg_temp.booking('patient', :'own_slot') as own \gset
select pg_temp.honours_key('book_consultation', 'patient',
    format('%L, ''A cough''', :'keyed_slot'), format('%L, ''A cold''', :'keyed_slot'),
    format('%L, null', :'own_slot'), 'TM918');

select * from finish();
rollback;
