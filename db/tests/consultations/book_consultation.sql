begin;
\ir ../helpers/actors.psql
select plan(27);

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
    is(c.starts_at, '2027-01-05 09:00:00+00', 'at the time of the slot'),
    is(c.reason, 'A cough', 'for the reason that was given'),
    is((c.fee_minor, c.currency), (5000::bigint, 'EUR'::text), 'at the doctor''s present fee'))
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

select * from finish();
rollback;
