begin;
\ir ../helpers/actors.psql
select plan(25);

select pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00') as slot \gset
select pg_temp.open_slot('doctor', '2027-01-05 10:00:00+00') as second_slot \gset
select pg_temp.open_slot('doctor', '2027-01-05 11:00:00+00') as third_slot \gset
select pg_temp.sign_in('patient');
select id as booking from api.book_consultation(:'slot', 'A cough', 'book') \gset
select pg_temp.booking('patient', :'second_slot') as second \gset
select pg_temp.booking('patient', :'third_slot') as third \gset

-- Who may not
select is(
    pg_temp.refusal(v.actor, format(
        'select api.complete_consultation(%L)', v.id)),
    v.refusal, v.sentence)
from (values
    ('other_doctor', :'booking', 'TM403', 'another doctor does not even learn of a consultation'),
    ('patient', :'booking', 'TM301', 'a patient may not complete consultations'),
    ('admin', :'booking', 'TM301', 'an admin may not complete consultations'),
    ('nobody', :'booking', 'TM101', 'nobody completes without signing in'),
    ('doctor', gen_random_uuid()::text, 'TM403',
     'a consultation that does not exist is not completed'),
    ('doctor', null, 'TM403', 'nor is none')
) as v (actor, id, refusal, sentence);

-- The permitted path
reset role;
select pg_temp.set_clock('2027-01-04 08:30:00+00');
set local role telemed_api;
select pg_temp.sign_in('doctor');
select collect_tap(
    is(c.id, :'booking', 'its doctor completes a consultation'),
    is(c.status, 'completed', 'a day before its time'),
    is(c.notes, 'Rest and tea', 'with notes'),
    is(c.slot_id, :'slot', 'it keeps its slot'),
    is(
        (c.doctor_id, c.doctor_name, c.patient_id, c.patient_name),
        (pg_temp.id_of('doctor'), 'Doctor doctor'::text, pg_temp.id_of('patient'),
         'Patient patient'::text),
        'its two sides'),
    is(
        (c.starts_at, c.ends_at),
        (timestamptz '2027-01-05 09:00:00+00', timestamptz '2027-01-05 09:30:00+00'), 'its time'),
    is((c.reason, c.cancellation_reason), ('A cough'::text, null::text), 'why it was booked'),
    is((c.fee_minor, c.currency), (5000::bigint, 'EUR'::text), 'its fee'),
    is(c.created_at, '2027-01-04 08:00:00+00', 'when it was made'),
    is(c.updated_at, '2027-01-04 08:30:00+00', 'and when it was completed'))
from api.complete_consultation(:'booking', 'Rest and tea') as c;
select is_empty(
    format('select id from api.list_open_slots(%L)', pg_temp.id_of('doctor')),
    'its slot stays taken');
select pg_temp.sign_in('patient');
select is(c.notes, 'Rest and tea', 'its patient can read the notes')
from api.get_consultation(:'booking') as c;

-- It can never be changed
select is(
    pg_temp.refusal('doctor', format(
        'select api.complete_consultation(%L, ''Other notes'')', :'booking')),
    'TM905', 'a consultation is completed once');
select pg_temp.sign_in('doctor');
select is(c.notes, 'Rest and tea', 'its notes stay as they were written')
from api.get_consultation(:'booking') as c;

-- Without notes, long after its time
select is(
    pg_temp.refusal('doctor', format(
        'select api.complete_consultation(%L, %L)', :'second', v.notes)),
    '23514', v.sentence)
from (values
    ('', 'notes are not empty'), (repeat('n', 4001), 'nor longer than 4000 characters')
) as v (notes, sentence);
reset role;
select pg_temp.set_clock('2028-01-04 08:30:00+00');
set local role telemed_api;
select collect_tap(
    is(c.status, 'completed', 'a consultation can be completed a year late'),
    is(c.notes, null, 'without notes'))
from api.complete_consultation(:'second') as c;

-- A cancelled one
select status from api.cancel_consultation(:'third') \gset
select is(
    pg_temp.refusal('doctor', format('select api.complete_consultation(%L)', :'third')),
    'TM905', 'a cancelled consultation cannot be completed');

select * from finish();
rollback;
