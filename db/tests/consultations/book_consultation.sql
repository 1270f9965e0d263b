begin;
\ir ../helpers/actors.psql
select plan(55);

select pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00') as slot \gset
select pg_temp.open_slot('doctor', '2027-01-05 10:00:00+00') as second_slot \gset
select pg_temp.open_slot('other_doctor', '2027-01-05 09:15:00+00') as overlapping_slot \gset
select pg_temp.open_slot('doctor', '2027-01-04 07:45:00+00') as begun_slot \gset

-- The permitted path
select pg_temp.sign_in('patient');
select id as booking from api.book_consultation(:'slot', 'A cough', 'key-1') \gset
select collect_tap(
    is(c.status, 'scheduled', 'a patient books an open slot'),
    is(c.patient_id, pg_temp.id_of('patient'), 'the booking is the caller''s'),
    is(c.doctor_id, pg_temp.id_of('doctor'), 'with the doctor of the slot'),
    is(c.doctor_name, 'Doctor doctor', 'who has a name'),
    is(c.patient_name, 'Patient patient', 'as the patient has'),
    is(c.slot_id, :'slot', 'in the slot that was asked for'),
    is(c.starts_at, '2027-01-05 09:00:00+00', 'at the time of the slot'),
    is(c.ends_at, '2027-01-05 09:30:00+00', 'to its end'),
    is(c.reason, 'A cough', 'for the reason that was given'),
    is((c.notes, c.cancellation_reason), (null::text, null::text), 'with nothing to be said yet'),
    is((c.fee_minor, c.currency), (5000::bigint, 'EUR'::text), 'at the doctor''s present fee'),
    is(
        (c.created_at, c.updated_at),
        (timestamptz '2027-01-04 08:00:00+00', timestamptz '2027-01-04 08:00:00+00'), 'now'))
from api.get_consultation(:'booking') as c;

reset role;
select is(status, 'booked', 'the slot is booked') from app.availability_slots where id = :'slot';
update app.doctors set fee_minor = 9900 where user_id = pg_temp.id_of('doctor');
set local role telemed_api;
select is(c.fee_minor, 5000::bigint, 'a later fee does not reach a booking')
from api.get_consultation(:'booking') as c;

-- The same request again
select is(
    (select to_jsonb(b) from api.book_consultation(:'slot', 'A cough', 'key-1') as b),
    (select to_jsonb(c) || '{"fee_minor": 5000}' from api.get_consultation(:'booking') as c),
    'a retry hears the same answer');
reset role;
select is(count(*), 1::bigint, 'and books nothing more') from app.consultations;
select is(resource_id, :'booking', 'the key remembers its booking')
from app.idempotency_keys where key = 'key-1';
set local role telemed_api;
select throws_ok(
    format('select api.book_consultation(%L, %L, %L)', :'slot', 'Another reason', 'key-1'),
    'TM203', null, 'the key is refused for another request');

-- A key belongs to one user
select pg_temp.sign_in('other_patient');
select isnt(b.id, :'booking', 'another patient may use the same key')
from api.book_consultation(:'second_slot', null, 'key-1') as b;

-- Refusals
select throws_ok(
    format('select api.book_consultation(%L, null, %L)', :'slot', 'key-2'),
    'TM901', null, 'the second patient to ask finds it taken');
select throws_ok(
    format('select api.book_consultation(%L, null, %L)', :'begun_slot', 'key-3'),
    'TM903', null, 'a slot that has begun cannot be booked');
select throws_ok(
    format('select api.book_consultation(%L, null, %L)', gen_random_uuid(), 'key-4'),
    'TM402', null, 'a slot that does not exist cannot be booked');
select throws_ok(
    format('select api.book_consultation(%L)', :'overlapping_slot'),
    'TM206', null, 'a booking needs an idempotency key');
select throws_ok(
    format('select api.book_consultation(%L, null, %L)', :'overlapping_slot', repeat('k', 256)),
    '23514', null, 'a key has at most 255 characters');
select pg_temp.sign_in('patient');
select throws_ok(
    format('select api.book_consultation(%L, null, %L)', :'overlapping_slot', 'key-5'),
    'TM904', null, 'a patient is never in two consultations at once');

-- The patient's own slot
select is(
    pg_temp.refusal(v.actor, format(
        'select api.book_consultation(%L, %L, %L)', :'slot', v.reason, v.key)),
    v.refusal, v.sentence)
from (values
    ('patient', 'A cough', 'key-1', null, 'the same request is a retry'),
    ('patient', 'A cough', 'own-1', 'TM918', 'under another key it is the patient''s own already'),
    ('other_patient', null, 'own-1', 'TM901', 'for everybody else it is not open')
) as v (actor, reason, key, refusal, sentence);

-- A refusal is remembered
select pg_temp.sign_in('other_patient', 'remember');
select is(b.id, null, 'a refusal that is remembered returns no booking')
from api.book_consultation(:'slot', null, 'key-6') as b;
reset role;
select is((refusal_code, resource_id), ('TM901'::text, null::uuid), 'it is stored under its key')
from app.idempotency_keys where key = 'key-6';
set local role telemed_api;
select pg_temp.sign_in('patient');
select lives_ok(format('select api.cancel_consultation(%L)', :'booking'), 'the slot becomes free');
select pg_temp.sign_in('other_patient');
select throws_ok(
    format('select api.book_consultation(%L, null, %L)', :'slot', 'key-6'),
    'TM901', null, 'a delayed duplicate of the refused request still cannot book');
select lives_ok(
    format('select api.book_consultation(%L, null, %L)', :'slot', 'key-7'),
    'a new request can');

-- What is remembered and what is not
select pg_temp.sign_in('other_patient', 'remember');
select is(b.id, null, 'that a slot has begun is remembered')
from api.book_consultation(:'begun_slot', null, 'key-9') as b;
select is(b.id, null, 'that a patient is busy is remembered')
from api.book_consultation(:'overlapping_slot', null, 'key-10') as b;
select is(b.id, null, 'that the slot is the patient''s own is remembered')
from api.book_consultation(:'slot', null, 'key-15') as b;
reset role;
select set_eq(
    $$select key::text, refusal_code from app.idempotency_keys where refusal_code is not null$$,
    $$values ('key-6', 'TM901'), ('key-9', 'TM903'), ('key-10', 'TM904'), ('key-15', 'TM918')$$,
    'every refusal has its key');
select pg_temp.open_slot('doctor', '2027-01-06 09:00:00+00') as new_slot \gset
set local role telemed_api;
select pg_temp.refusal(
    'patient', format(
        'select api.book_consultation(%L, null, ''key-11'')', gen_random_uuid())) as missed \gset
select is(
    pg_temp.refusal('patient', format(
        'select api.book_consultation(%L, null, ''key-11'')', :'new_slot')),
    null, 'a request that could not be right leaves its key free');
select is(
    pg_temp.refusal('patient', format(
        'select api.book_consultation(%L, %L, %L)', :'slot', v.reason, v.key)),
    v.refusal, v.sentence)
from (values
    ('key-1', null, 'TM203 Idempotency-Key', 'a request without the reason is another request'),
    ('key-1', 'A cough', null, 'the first answer is given even now, when the booking is cancelled')
) as v (key, reason, refusal, sentence);
select is(b.status, 'scheduled', 'and as it was given then')
from api.book_consultation(:'slot', 'A cough', 'key-1') as b;

-- The last moment
reset role;
select pg_temp.open_slot('doctor', '2027-01-07 09:00:00+00') as near_slot \gset
select pg_temp.set_clock('2027-01-07 09:00:00+00');
set local role telemed_api;
select is(
    pg_temp.refusal('patient', format(
        'select api.book_consultation(%L, null, ''key-12'')', :'near_slot')),
    'TM903', 'at its start a slot can no longer be booked');
reset role;
select pg_temp.set_clock('2027-01-07 08:59:59.999999+00');
set local role telemed_api;
select is(
    pg_temp.refusal('patient', format(
        'select api.book_consultation(%L, null, ''key-12'')', :'near_slot')),
    null, 'a microsecond before it can');

-- One after the other, and what a request may look like
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
    (:'next_slot', null, 'key-13', null, 'a consultation may begin when another one ends'),
    (:'withdrawn_slot', null, 'key-14', 'TM901', 'a withdrawn slot cannot be booked'),
    (null, null, 'key-14', 'TM402', 'no slot cannot be booked'),
    (:'free_slot', '', 'key-14', '23514', 'a reason is not empty'),
    (:'free_slot', repeat('r', 4001), 'key-14', '23514', 'nor longer than 4000 characters'),
    (:'free_slot', null, '', '23514', 'a key is not empty'),
    (:'free_slot', null, 'schlüssel', '23514', 'and has ASCII characters only'),
    (:'free_slot', repeat('r', 4000), repeat('k', 255), null,
     'a long reason and a long key are fine')
) as v (slot, reason, key, refusal, sentence);

-- Who may not
select pg_temp.sign_in('doctor');
select throws_ok(
    format('select api.book_consultation(%L, null, %L)', :'overlapping_slot', 'key-8'),
    'TM301', null, 'a doctor may not book');
select pg_temp.sign_in('admin');
select throws_ok(
    format('select api.book_consultation(%L, null, %L)', :'overlapping_slot', 'key-8'),
    'TM301', null, 'an admin may not book');
select pg_temp.sign_in('nobody');
select throws_ok(
    format('select api.book_consultation(%L, null, %L)', :'overlapping_slot', 'key-8'),
    'TM101', null, 'nobody books without signing in');
reset role;
update app.users set deactivated_at = app.clock() where id = pg_temp.id_of('other_patient');
set local role telemed_api;
select is(
    pg_temp.refusal('other_patient', format(
        'select api.book_consultation(%L, null, %L)', :'slot', 'key-7')),
    'TM102', 'whose account was closed books nothing, and hears no answer again');

select * from finish();
rollback;
