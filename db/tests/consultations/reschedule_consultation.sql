begin;
\ir ../helpers/actors.psql
\ir ../helpers/keys.psql
select plan(66);

select pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00') as slot \gset
select pg_temp.open_slot('doctor', '2027-01-05 09:30:00+00', 45) as next_slot \gset
select pg_temp.open_slot('doctor', '2027-01-05 11:00:00+00') as taken_slot \gset
select pg_temp.open_slot('doctor', '2027-01-05 12:00:00+00') as third_slot \gset
select pg_temp.open_slot('doctor', '2027-01-05 13:00:00+00') as withdrawn_slot \gset
select pg_temp.open_slot('doctor', '2027-01-05 14:00:00+00') as busy_slot \gset
select pg_temp.open_slot('doctor', '2027-01-04 07:45:00+00') as begun_slot \gset
select pg_temp.open_slot('other_doctor', '2027-01-05 14:15:00+00') as elsewhere_slot \gset
select pg_temp.open_slot('other_doctor', '2027-01-06 09:00:00+00') as other_slot \gset
select pg_temp.booking('other_patient', :'taken_slot') as taken \gset
select pg_temp.open_slot('doctor', '2027-01-07 09:00:00+00') as own_slot \gset
select pg_temp.booking('patient', :'elsewhere_slot') as elsewhere \gset
select pg_temp.booking('patient', :'own_slot') as own \gset
select pg_temp.sign_in('doctor');
select status from api.withdraw_slot(:'withdrawn_slot') \gset
select pg_temp.sign_in('patient');
select id as booking from api.book_consultation(:'slot', 'A cough', 'book') \gset
reset role;
update app.doctors set fee_minor = 9900, currency = 'USD' where user_id = pg_temp.id_of('doctor');
select pg_temp.set_clock('2027-01-04 09:00:00+00');
set local role telemed_api;

-- The permitted path
select to_jsonb(r)::text as answer
from api.reschedule_consultation(:'booking', :'next_slot', 'move-1') as r \gset
select collect_tap(
    is(c.id, :'booking', 'a rescheduled consultation keeps its id'),
    is(c.slot_id, :'next_slot', 'a rescheduled consultation has the new slot'),
    is((c.doctor_id, c.doctor_name), (pg_temp.id_of('doctor'), 'Doctor doctor'::text),
        'a rescheduled consultation keeps its doctor'),
    is(
        (c.patient_id, c.patient_name), (pg_temp.id_of('patient'), 'Patient patient'::text),
        'a rescheduled consultation keeps its patient'),
    is(c.starts_at, '2027-01-05 09:30:00+00',
        'a rescheduled consultation has the start of the new slot'),
    is(c.ends_at, '2027-01-05 10:15:00+00',
        'a rescheduled consultation has the end of the new slot'),
    is(c.status, 'scheduled', 'a rescheduled consultation stays scheduled'),
    is(c.reason, 'A cough', 'a rescheduled consultation keeps its reason'),
    is((c.fee_minor, c.currency), (5000::bigint, 'EUR'::text),
        'a rescheduled consultation keeps its fee and its currency'),
    is((c.notes, c.cancellation_reason), (null::text, null::text),
        'a rescheduled consultation has neither notes nor a cancellation reason'),
    is(c.created_at, '2027-01-04 08:00:00+00',
        'a rescheduled consultation keeps the time of its booking'),
    is(c.updated_at, '2027-01-04 09:00:00+00',
        'a rescheduled consultation has the time of its change'),
    is(:'answer'::jsonb, to_jsonb(c),
        'reschedule_consultation returns the consultation as it is stored'))
from api.get_consultation(:'booking') as c;
reset role;
select is(
    (select array_agg(s.status order by s.starts_at) from app.availability_slots as s
     where s.id in (:'slot', :'next_slot')),
    '{open,booked}', 'rescheduling opens the old slot and marks the new one as booked');
set local role telemed_api;
select is(
    (select array_agg(h.event || ' ' || h.slot_id) from api.consultation_history(:'booking') as h),
    array['booked ' || :'slot', 'rescheduled ' || :'next_slot'],
        'the history of a consultation shows that it was rescheduled');
select is(
    pg_temp.refusal('other_patient', format(
        'select api.reschedule_consultation(%L, %L, ''m'')', :'taken', :'slot')),
    null, 'another patient can reschedule to the slot that became free');

-- Retries
select pg_temp.sign_in('patient');
select is(to_jsonb(r), :'answer'::jsonb,
    'a retry of reschedule_consultation returns the first answer')
from api.reschedule_consultation(:'booking', :'next_slot', 'move-1') as r;
select is(
    pg_temp.refusal('patient', format(
        'select api.reschedule_consultation(%L, %L, %L)', v.id, v.slot, 'move-1')),
    'TM203 Idempotency-Key', v.sentence)
from (values
    (:'booking', :'third_slot', 'reschedule_consultation: the key is refused for another slot'),
    (:'elsewhere', :'next_slot',
     'reschedule_consultation: the key is refused for another consultation')
) as v (id, slot, sentence);
select is(r.slot_id, :'third_slot', 'a consultation can be rescheduled again under another key')
from api.reschedule_consultation(:'booking', :'third_slot', 'move-2') as r;
select is(to_jsonb(r), :'answer'::jsonb,
    'a retry returns the first answer although the consultation has moved again')
from api.reschedule_consultation(:'booking', :'next_slot', 'move-1') as r;
select is(c.slot_id, :'third_slot', 'a retry does not move the consultation back')
from api.get_consultation(:'booking') as c;
select is(
    pg_temp.refusal('patient', format(
        'select api.reschedule_consultation(%L, %L, %L)', :'booking', :'next_slot', 'book')),
    null, 'a key that was used for a booking may be used for a reschedule');

-- Refusals
select is(
    pg_temp.refusal('patient', format(
        'select api.reschedule_consultation(%L, %L, %L)', v.id, v.slot, v.key)),
    v.refusal, v.sentence)
from (values
    (:'booking', :'other_slot', 'key-1', 'TM207 slot_id',
     'reschedule_consultation: a slot of another doctor is refused'),
    (:'booking', gen_random_uuid()::text, 'key-1', 'TM402',
     'reschedule_consultation: a slot that does not exist is refused'),
    (:'booking', null, 'key-1', 'TM402', 'reschedule_consultation: a null slot id is refused'),
    (:'booking', :'slot', 'key-1', 'TM901',
     'reschedule_consultation: a slot of another patient is refused'),
    (:'booking', :'next_slot', 'key-1', 'TM917',
     'reschedule_consultation: the present slot of the consultation is refused'),
    (:'booking', :'own_slot', 'key-1', 'TM918',
     'reschedule_consultation: the slot of another consultation of the patient is refused'),
    (:'booking', :'withdrawn_slot', 'key-1', 'TM901',
     'reschedule_consultation: a withdrawn slot is refused'),
    (:'booking', :'begun_slot', 'key-1', 'TM903',
     'reschedule_consultation: a slot that has begun is refused'),
    (:'booking', :'busy_slot', 'key-1', 'TM904',
     'reschedule_consultation: a slot that overlaps another consultation is refused'),
    (:'booking', :'third_slot', null, 'TM206 Idempotency-Key',
     'reschedule_consultation: a missing idempotency key is refused'),
    (:'booking', :'third_slot', '', '23514',
     'reschedule_consultation: an empty idempotency key is refused'),
    (gen_random_uuid()::text, :'third_slot', 'key-1', 'TM403',
     'reschedule_consultation: an id that does not exist is refused'),
    (null, :'third_slot', 'key-1', 'TM403', 'reschedule_consultation: a null id is refused'),
    (:'taken', :'third_slot', 'key-1', 'TM403',
     'reschedule_consultation: a consultation of another patient is reported as not found')
) as v (id, slot, key, refusal, sentence);
select is(c.slot_id, :'next_slot', 'refused reschedules leave the consultation in its slot')
from api.get_consultation(:'booking') as c;

-- Stored refusals
select pg_temp.sign_in('patient', 'remember');
select is(r.id, null, 'reschedule_consultation returns null when its refusal is stored')
from (values
    (:'slot'::uuid, 'taken'), (:'begun_slot', 'begun'), (:'busy_slot', 'busy'),
    (:'next_slot', 'there'), (:'own_slot', 'own')) as v (slot, key)
cross join lateral api.reschedule_consultation(:'booking', v.slot, v.key) as r;
reset role;
select set_eq(
    $$select operation::text, key::text, refusal_code, resource_id from app.idempotency_keys
      where refusal_code is not null$$,
    $$values ('reschedule_consultation', 'taken', 'TM901', null::uuid),
          ('reschedule_consultation', 'begun', 'TM903', null),
          ('reschedule_consultation', 'busy', 'TM904', null),
          ('reschedule_consultation', 'there', 'TM917', null),
          ('reschedule_consultation', 'own', 'TM918', null)$$,
    'each refusal of reschedule_consultation is stored under its key');
set local role telemed_api;
select pg_temp.sign_in('other_patient');
select status from api.cancel_consultation(:'taken') \gset
select is(
    pg_temp.refusal('patient', format(
        'select api.reschedule_consultation(%L, %L, %L)', :'booking', :'slot', v.key)),
    v.refusal, v.sentence)
from (values
    ('taken', 'TM901',
     'a duplicate of a refused reschedule is refused again, although the slot is open'),
    ('free', null, 'a reschedule under a new key succeeds once the slot is open')
) as v (key, refusal, sentence);

-- The last moment: the consultation begins at 09:00
reset role;
select pg_temp.set_clock('2027-01-05 09:00:00+00');
set local role telemed_api;
select is(
    pg_temp.refusal('patient', format(
        'select api.reschedule_consultation(%L, %L, ''late'')', :'booking', :'third_slot')),
    'TM906', 'a patient cannot reschedule at the instant of the start');
select pg_temp.sign_in('patient', 'remember');
select is(r.id, null,
    'reschedule_consultation returns null when the refusal of a late reschedule is stored')
from api.reschedule_consultation(:'booking', :'third_slot', 'too late') as r;
reset role;
select is(k.refusal_code, 'TM906', 'the refusal of a late reschedule is stored under its key')
from app.idempotency_keys as k where k.key = 'too late';
select pg_temp.set_clock('2027-01-05 08:59:59.999999+00');
set local role telemed_api;
select is(
    pg_temp.refusal('patient', format(
        'select api.reschedule_consultation(%L, %L, ''late'')', :'booking', :'third_slot')),
    null, 'a patient can reschedule one microsecond before the start');
reset role;
select pg_temp.set_clock('2027-01-05 09:30:00+00');
set local role telemed_api;
select is(
    pg_temp.refusal('patient', format(
        'select api.reschedule_consultation(%L, %L, ''now'')', :'booking', :'next_slot')),
    'TM903', 'a consultation cannot move to a slot at the instant at which the slot begins');

-- After the end
select pg_temp.sign_in('patient');
select status from api.cancel_consultation(:'booking') \gset
select pg_temp.sign_in('patient', 'remember');
select is(r.id, null, 'reschedule_consultation returns null for a cancelled consultation')
from api.reschedule_consultation(:'booking', :'busy_slot', 'cancelled') as r;
select is(
    pg_temp.refusal('patient', format(
        'select api.reschedule_consultation(%L, %L, ''over'')', :'booking', :'third_slot')),
    'TM905', 'a cancelled consultation cannot be rescheduled, not even to its former slot');
reset role;
select is(refusal_code, 'TM905',
    'the refusal to reschedule a cancelled consultation is stored under its key')
from app.idempotency_keys where key = 'cancelled';
set local role telemed_api;

-- Callers that are refused
select is(
    pg_temp.refusal(v.actor, format(
        'select api.reschedule_consultation(%L, %L, ''k'')', :'elsewhere', :'other_slot')),
    v.refusal, v.sentence)
from (values
    ('other_patient', 'TM403',
     'another patient cannot reschedule a consultation'),
    ('doctor', 'TM301', 'a doctor cannot reschedule a consultation'),
    ('other_doctor', 'TM301', 'the doctor of a consultation cannot reschedule it'),
    ('admin', 'TM301', 'an admin cannot reschedule a consultation'),
    ('nobody', 'TM101', 'an unauthenticated caller cannot reschedule a consultation'),
    ('patient', null, 'the patient can reschedule a consultation')
) as v (actor, refusal, sentence);

-- Under an idempotency key
reset role;
select pg_temp.set_clock('2027-01-04 08:00:00+00');
select pg_temp.open_slot('doctor', '2027-06-01 09:00:00+00') as keyed_slot \gset
select pg_temp.open_slot('doctor', '2027-06-01 10:00:00+00') as other_slot \gset
select pg_temp.booking('patient', pg_temp.open_slot('doctor', '2027-06-01 11:00:00+00'))
    as moved \gset
select pg_temp.honours_key('reschedule_consultation', 'patient',
    format('%L, %L', :'moved', :'keyed_slot'), format('%L, %L', :'moved', :'other_slot'),
    format('%L, %L', :'moved', :'keyed_slot'), 'TM917');

select * from finish();
rollback;
