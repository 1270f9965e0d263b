begin;
\ir ../helpers/actors.psql
\ir ../helpers/keys.psql
select plan(39);

select pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00') as slot \gset
select pg_temp.open_slot('doctor', '2027-01-05 10:00:00+00') as second_slot \gset
select pg_temp.open_slot('doctor', '2027-01-05 11:00:00+00') as third_slot \gset
select pg_temp.sign_in('patient');
select id as booking from api.book_consultation(:'slot', 'A cough', 'book') \gset
select pg_temp.booking('patient', :'second_slot') as second \gset
select pg_temp.booking('patient', :'third_slot') as third \gset

-- Callers that are refused
select is(
    pg_temp.refusal(v.actor, format(
        'select api.complete_consultation(%L)', v.id)),
    v.refusal, v.sentence)
from (values
    ('other_doctor', :'booking', 'TM403',
     'complete_consultation: a consultation of another doctor is reported as not found'),
    ('patient', :'booking', 'TM301', 'a patient cannot complete a consultation'),
    ('admin', :'booking', 'TM301', 'an admin cannot complete a consultation'),
    ('nobody', :'booking', 'TM101', 'an unauthenticated caller cannot complete a consultation'),
    ('doctor', gen_random_uuid()::text, 'TM403',
     'complete_consultation: an id that does not exist is refused'),
    ('doctor', null, 'TM403', 'complete_consultation: a null id is refused')
) as v (actor, id, refusal, sentence);

-- The permitted path
reset role;
select pg_temp.set_clock('2027-01-04 08:30:00+00');
set local role telemed_api;
select pg_temp.sign_in('doctor');
select collect_tap(
    is(c.id, :'booking', 'the doctor completes a consultation'),
    is(c.status, 'completed',
        'a consultation can be completed before its start within the completion lead'),
    is(c.notes, 'Rest and tea', 'a completed consultation has its notes'),
    is(c.slot_id, :'slot', 'a completed consultation keeps its slot'),
    is(
        (c.doctor_id, c.doctor_name, c.patient_id, c.patient_name),
        (pg_temp.id_of('doctor'), 'Doctor doctor'::text, pg_temp.id_of('patient'),
         'Patient patient'::text),
        'a completed consultation keeps its doctor and its patient'),
    is(
        (c.starts_at, c.ends_at),
        (timestamptz '2027-01-05 09:00:00+00', timestamptz '2027-01-05 09:30:00+00'),
        'a completed consultation keeps its start and its end'),
    is((c.reason, c.cancellation_reason), ('A cough'::text, null::text),
        'a completed consultation keeps the reason for its booking'),
    is((c.fee_minor, c.currency), (5000::bigint, 'EUR'::text),
        'a completed consultation keeps its fee and its currency'),
    is(c.created_at, '2027-01-04 08:00:00+00',
        'a completed consultation keeps the time of its booking'),
    is(c.updated_at, '2027-01-04 08:30:00+00',
        'a completed consultation has the time of its completion'))
from api.complete_consultation(:'booking', 'Rest and tea') as c;
select is_empty(
    format('select id from api.list_open_slots(%L)', pg_temp.id_of('doctor')),
    'the slot of a completed consultation is not open again');
select pg_temp.sign_in('patient');
select is(c.notes, 'Rest and tea', 'the patient can read the notes of a completed consultation')
from api.get_consultation(:'booking') as c;

-- A completed consultation cannot change
select is(
    pg_temp.refusal('doctor', format(
        'select api.complete_consultation(%L, ''Other notes'')', :'booking')),
    'TM905', 'a consultation cannot be completed twice');
select pg_temp.sign_in('doctor');
select is(c.notes, 'Rest and tea', 'a refused second completion leaves the notes as they were')
from api.get_consultation(:'booking') as c;

-- Without notes, long after the start
select is(
    pg_temp.refusal('doctor', format(
        'select api.complete_consultation(%L, %L)', :'second', v.notes)),
    '23514', v.sentence)
from (values
    ('', 'complete_consultation: empty notes are refused'), (repeat('n', 4001),
     'complete_consultation: notes of 4001 characters are refused')
) as v (notes, sentence);
reset role;
select pg_temp.set_clock('2028-01-04 08:30:00+00');
set local role telemed_api;
select collect_tap(
    is(c.status, 'completed', 'a consultation can be completed a year late'),
    is(c.notes, null, 'a consultation can be completed without notes'))
from api.complete_consultation(:'second') as c;

-- A cancelled consultation
select status from api.cancel_consultation(:'third') \gset
select is(
    pg_temp.refusal('doctor', format('select api.complete_consultation(%L)', :'third')),
    'TM905', 'a cancelled consultation cannot be completed');

-- The completion lead
reset role;
select pg_temp.set_clock('2027-01-04 08:00:00+00');
update app.clinic_settings set completion_lead = default;
select pg_temp.open_slot('doctor', '2027-02-01 09:00:00+00') as slot_4 \gset
select pg_temp.open_slot('doctor', '2027-02-01 10:00:00+00') as slot_5 \gset
set local role telemed_api;
select pg_temp.booking('patient', :'slot_4') as at_nine \gset
select pg_temp.booking('patient', :'slot_5') as at_ten \gset
reset role;
create function pg_temp.refusal_at(p_now timestamptz, p_id uuid)
returns text language plpgsql security definer
as $$
begin
    perform pg_temp.set_clock(p_now);
    return pg_temp.refusal('doctor', format('select api.complete_consultation(%L)', p_id));
end;
$$;
select is(pg_temp.refusal_at(v.now::timestamptz, v.id), v.refusal, v.sentence)
from (values
    ('2027-01-04 08:00:00+00', :'at_nine'::uuid, 'TM924',
     'a consultation cannot be completed weeks before its start'),
    ('2027-02-01 08:44:59.999999+00', :'at_nine', 'TM924',
     'a consultation cannot be completed one microsecond before the completion lead begins'),
    ('2027-02-01 08:45:00+00', :'at_nine', null,
     'a consultation can be completed from 15 minutes before its start'))
    as v (now, id, refusal, sentence);
select throws_ok(
    format(
        $$ update app.consultations set status = 'completed' where id = %L $$, :'at_ten'),
    'TM924', null,
    'a direct update cannot complete a consultation before the completion lead begins');
select ops.set_completion_lead('1 hour 30 minutes') \g /dev/null
select is(
    pg_temp.refusal_at('2027-02-01 08:30:00+00', :'at_ten'), null,
    'a longer completion lead lets a doctor complete a consultation earlier');
select pg_temp.open_slot('doctor', '2027-02-02 09:00:00+00') as slot_6 \gset
select pg_temp.booking('patient', :'slot_6') as remembered \gset
select pg_temp.sign_in('doctor', 'remember');
select is(c.id, null, 'complete_consultation returns null when its refusal is stored')
from api.complete_consultation(:'remembered', null, 'early') as c;
select pg_temp.set_clock('2027-02-02 09:00:00+00');
select is(
    pg_temp.refusal('doctor', format(
        'select api.complete_consultation(%L, null, %L)', :'remembered', v.key)),
    v.refusal, v.sentence)
from (values
    ('early', 'TM924',
     'a duplicate of a refused completion is refused again, although it is no longer too early'),
    ('later', null,
     'a completion under a new key succeeds at the start')) as v (key, refusal, sentence);

-- Under an idempotency key
reset role;
select pg_temp.set_clock('2027-01-04 08:00:00+00');
update app.clinic_settings set completion_lead = '1000 years';
select pg_temp.booking('patient', pg_temp.open_slot('doctor', '2027-06-01 09:00:00+00'))
    as keyed \gset
select pg_temp.honours_key('complete_consultation', 'doctor',
    format('%L, ''Seen''', :'keyed'), format('%L, ''Not seen''', :'keyed'),
    format('%L, null', :'keyed'), 'TM905');

select * from finish();
rollback;
