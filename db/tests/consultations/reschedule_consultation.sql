begin;
\ir ../helpers/actors.psql
select plan(60);

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
    is(c.id, :'booking', 'a consultation that is moved stays the same one'),
    is(c.slot_id, :'next_slot', 'in another slot'),
    is((c.doctor_id, c.doctor_name), (pg_temp.id_of('doctor'), 'Doctor doctor'::text),
        'with the same doctor'),
    is(
        (c.patient_id, c.patient_name), (pg_temp.id_of('patient'), 'Patient patient'::text),
        'and the same patient'),
    is(c.starts_at, '2027-01-05 09:30:00+00', 'beginning with the new slot'),
    is(c.ends_at, '2027-01-05 10:15:00+00', 'and ending with it'),
    is(c.status, 'scheduled', 'still scheduled'),
    is(c.reason, 'A cough', 'for the same reason'),
    is((c.fee_minor, c.currency), (5000::bigint, 'EUR'::text),
        'at the fee and in the currency agreed before'),
    is((c.notes, c.cancellation_reason), (null::text, null::text), 'with nothing added'),
    is(c.created_at, '2027-01-04 08:00:00+00', 'made when it was'),
    is(c.updated_at, '2027-01-04 09:00:00+00', 'and changed now'),
    is(:'answer'::jsonb, to_jsonb(c), 'and the answer says so'))
from api.get_consultation(:'booking') as c;
reset role;
select is(
    (select array_agg(s.status order by s.starts_at) from app.availability_slots as s
     where s.id in (:'slot', :'next_slot')),
    '{open,booked}', 'the old slot is open again and the new one is booked');
set local role telemed_api;
select is(
    (select array_agg(h.event || ' ' || h.slot_id) from api.consultation_history(:'booking') as h),
    array['booked ' || :'slot', 'rescheduled ' || :'next_slot'], 'its history tells of the move');
select is(
    pg_temp.refusal('other_patient', format(
        'select api.reschedule_consultation(%L, %L, ''m'')', :'taken', :'slot')),
    null, 'the slot that became free can be taken at once');

-- The same request again
select pg_temp.sign_in('patient');
select is(to_jsonb(r), :'answer'::jsonb, 'a retry hears the same answer')
from api.reschedule_consultation(:'booking', :'next_slot', 'move-1') as r;
select is(
    pg_temp.refusal('patient', format(
        'select api.reschedule_consultation(%L, %L, %L)', v.id, v.slot, 'move-1')),
    'TM203 Idempotency-Key', v.sentence)
from (values
    (:'booking', :'third_slot', 'the key is refused for another slot'),
    (:'elsewhere', :'next_slot', 'the key is refused for another consultation')
) as v (id, slot, sentence);
select is(r.slot_id, :'third_slot', 'with another key it moves on')
from api.reschedule_consultation(:'booking', :'third_slot', 'move-2') as r;
select is(to_jsonb(r), :'answer'::jsonb, 'the first request still hears its first answer')
from api.reschedule_consultation(:'booking', :'next_slot', 'move-1') as r;
select is(c.slot_id, :'third_slot', 'and moves nothing back')
from api.get_consultation(:'booking') as c;
select is(
    pg_temp.refusal('patient', format(
        'select api.reschedule_consultation(%L, %L, %L)', :'booking', :'next_slot', 'book')),
    null, 'a key that was used for a booking may be used for a move');

-- Refusals
select is(
    pg_temp.refusal('patient', format(
        'select api.reschedule_consultation(%L, %L, %L)', v.id, v.slot, v.key)),
    v.refusal, v.sentence)
from (values
    (:'booking', :'other_slot', 'key-1', 'TM207 slot_id',
     'a consultation does not move to another doctor'),
    (:'booking', gen_random_uuid()::text, 'key-1', 'TM402', 'nor to a slot that does not exist'),
    (:'booking', null, 'key-1', 'TM402', 'nor to none'),
    (:'booking', :'slot', 'key-1', 'TM901', 'nor to a slot that is taken'),
    (:'booking', :'next_slot', 'key-1', 'TM917', 'nor to the slot that it has'),
    (:'booking', :'own_slot', 'key-1', 'TM918', 'nor to the slot of another one of the patient'),
    (:'booking', :'withdrawn_slot', 'key-1', 'TM901', 'nor to a slot that is withdrawn'),
    (:'booking', :'begun_slot', 'key-1', 'TM903', 'nor to a slot that has begun'),
    (:'booking', :'busy_slot', 'key-1', 'TM904',
     'nor to a time when the patient is with another doctor'),
    (:'booking', :'third_slot', null, 'TM206 Idempotency-Key', 'a move needs an idempotency key'),
    (:'booking', :'third_slot', '', '23514', 'which is not empty'),
    (gen_random_uuid()::text, :'third_slot', 'key-1', 'TM403',
     'a consultation that does not exist does not move'),
    (null, :'third_slot', 'key-1', 'TM403', 'nor does none'),
    (:'taken', :'third_slot', 'key-1', 'TM403', 'nor does another patient''s')
) as v (id, slot, key, refusal, sentence);
select is(c.slot_id, :'next_slot', 'after all refusals it is where it was')
from api.get_consultation(:'booking') as c;

-- Refusals are remembered
select pg_temp.sign_in('patient', 'remember');
select is(r.id, null, 'a refusal that is remembered returns nothing')
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
    'each is stored under its key');
set local role telemed_api;
select pg_temp.sign_in('other_patient');
select status from api.cancel_consultation(:'taken') \gset
select is(
    pg_temp.refusal('patient', format(
        'select api.reschedule_consultation(%L, %L, %L)', :'booking', :'slot', v.key)),
    v.refusal, v.sentence)
from (values
    ('taken', 'TM901', 'a delayed duplicate is refused, although the slot is free by now'),
    ('free', null, 'a new request is not')
) as v (key, refusal, sentence);

-- The last moment: it begins at 09:00
reset role;
select pg_temp.set_clock('2027-01-05 09:00:00+00');
set local role telemed_api;
select is(
    pg_temp.refusal('patient', format(
        'select api.reschedule_consultation(%L, %L, ''late'')', :'booking', :'third_slot')),
    'TM906', 'once it has begun a consultation is not moved');
select pg_temp.sign_in('patient', 'remember');
select is(r.id, null, 'which is remembered')
from api.reschedule_consultation(:'booking', :'third_slot', 'too late') as r;
reset role;
select is(k.refusal_code, 'TM906', 'with its reason')
from app.idempotency_keys as k where k.key = 'too late';
select pg_temp.set_clock('2027-01-05 08:59:59.999999+00');
set local role telemed_api;
select is(
    pg_temp.refusal('patient', format(
        'select api.reschedule_consultation(%L, %L, ''late'')', :'booking', :'third_slot')),
    null, 'a microsecond before it is');
reset role;
select pg_temp.set_clock('2027-01-05 09:30:00+00');
set local role telemed_api;
select is(
    pg_temp.refusal('patient', format(
        'select api.reschedule_consultation(%L, %L, ''now'')', :'booking', :'next_slot')),
    'TM903', 'at its start a slot has begun');

-- After the end
select pg_temp.sign_in('patient');
select status from api.cancel_consultation(:'booking') \gset
select pg_temp.sign_in('patient', 'remember');
select is(r.id, null, 'a cancelled consultation is not moved')
from api.reschedule_consultation(:'booking', :'busy_slot', 'cancelled') as r;
select is(
    pg_temp.refusal('patient', format(
        'select api.reschedule_consultation(%L, %L, ''over'')', :'booking', :'third_slot')),
    'TM905', 'nor is it in the slot that it had: it is over');
reset role;
select is(refusal_code, 'TM905', 'which is remembered, too')
from app.idempotency_keys where key = 'cancelled';
set local role telemed_api;

-- Who may not
select is(
    pg_temp.refusal(v.actor, format(
        'select api.reschedule_consultation(%L, %L, ''k'')', :'elsewhere', :'other_slot')),
    v.refusal, v.sentence)
from (values
    ('other_patient', 'TM403', 'another patient does not even learn of a consultation'),
    ('doctor', 'TM301', 'a doctor may not move consultations'),
    ('other_doctor', 'TM301', 'nor may the doctor whose it is'),
    ('admin', 'TM301', 'an admin may not move consultations'),
    ('nobody', 'TM101', 'nobody moves without signing in'),
    ('patient', null, 'its patient may')
) as v (actor, refusal, sentence);

select * from finish();
rollback;
