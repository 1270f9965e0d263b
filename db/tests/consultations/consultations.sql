begin;
\ir ../helpers/actors.psql
select plan(57);
reset role;

-- The owner of the table writes directly here, without the functions and with the triggers
-- disabled: each refusal comes from a constraint.
alter table app.consultations disable trigger consultations_change_only_as_permitted;
alter table app.consultations
disable trigger consultations_have_the_doctor_and_time_of_their_slot;
alter table app.consultations disable trigger consultations_hold_their_slot;

select pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00') as slot \gset
select pg_temp.open_slot('doctor', '2027-01-05 10:00:00+00') as second_slot \gset
select pg_temp.open_slot('other_doctor', '2027-01-05 09:00:00+00') as same_time \gset

create function pg_temp.consultation_sql(
    p_slot_id uuid, p_patient text, p_changes jsonb default '{}')
returns text language sql
as $$
    select format(
        'insert into app.consultations '
        'select (jsonb_populate_record(null::app.consultations, %L)).*',
        jsonb_build_object(
            'id', gen_random_uuid(), 'slot_id', p_slot_id, 'doctor_id', pg_temp.id_of('doctor'),
            'patient_id', pg_temp.id_of(p_patient), 'patient_role', 'patient',
            'starts_at', '2027-01-05 09:00:00+00',
            'ends_at', '2027-01-05 09:30:00+00', 'status', 'scheduled', 'fee_minor', 5000,
            'currency', 'EUR', 'created_at', '2027-01-04 08:00:00+00',
            'updated_at', '2027-01-04 08:00:00+00', 'calendar_sequence', 0) || p_changes)
$$;

-- One active consultation for a slot
select lives_ok(pg_temp.consultation_sql(:'slot', 'patient'),
    'a consultation can be written for a slot');
select throws_ok(
    pg_temp.consultation_sql(:'slot', 'other_patient'), '23505',
    'duplicate key value violates unique constraint "consultations_one_per_slot"',
    'a slot cannot have two scheduled consultations');
update app.consultations set status = 'completed', completion_digest = sha256('')
where slot_id = :'slot';
select throws_ok(
    pg_temp.consultation_sql(:'slot', 'other_patient'), '23505', null,
    'the slot of a completed consultation cannot have another consultation');
update app.consultations set status = 'cancelled', completion_digest = null
where slot_id = :'slot';
select lives_ok(
    pg_temp.consultation_sql(:'slot', 'other_patient'),
    'the slot of a cancelled consultation may have another consultation');
select throws_ok(
    format('update app.consultations set status = ''scheduled'' where slot_id = %L', :'slot'),
    '23505', null, 'a cancelled consultation cannot return to a slot that another one holds');

-- A patient is never in two consultations at once
select throws_ok(
    pg_temp.consultation_sql(:'same_time', 'other_patient', v.changes), '23P01',
    'conflicting key value violates exclusion constraint '
    '"consultations_of_a_patient_never_overlap"',
    v.sentence)
from (values
    ('{}'::jsonb, 'a patient cannot have two consultations at the same time'),
    ('{"starts_at": "2027-01-05 09:29:59.999999+00", "ends_at": "2027-01-05 10:00:00+00"}',
     'a patient''s consultation cannot overlap the last microsecond of another one'),
    ('{"starts_at": "2027-01-05 08:30:00+00", "ends_at": "2027-01-05 09:00:00.000001+00"}',
     'a patient''s consultation cannot overlap the first microsecond of another one')
) as v (changes, sentence);
select lives_ok(
    pg_temp.consultation_sql(
        :'same_time', 'other_patient',
        '{"starts_at": "2027-01-05 09:30:00+00", "ends_at": "2027-01-05 10:00:00+00"}'),
    'a patient''s consultation may begin when another one ends');
select throws_ok(
    format(
        'update app.consultations set starts_at = ''2027-01-05 09:29:00+00'' where slot_id = %L',
        :'same_time'),
    '23P01', null, 'a patient''s consultation cannot be moved onto another one');
update app.consultations set status = 'completed', completion_digest = sha256('')
where slot_id = :'same_time';
select lives_ok(
    pg_temp.consultation_sql(
        :'second_slot', 'other_patient',
        '{"starts_at": "2027-01-05 09:30:00+00", "ends_at": "2027-01-05 10:00:00+00"}'),
    'a patient''s consultation may overlap a completed one');
update app.consultations set status = 'cancelled' where slot_id = :'second_slot';

-- Patients are patients
select throws_ok(
    pg_temp.consultation_sql(:'second_slot', v.user_name, v.changes), v.code, null, v.sentence)
from (values
    ('doctor', '{}'::jsonb, '23503', 'a doctor cannot be the patient of a consultation'),
    ('admin', '{}', '23503', 'an admin cannot be the patient of a consultation'),
    ('doctor', '{"patient_role": "doctor"}', '23514',
     'a consultation cannot name a doctor as its patient under the role doctor'),
    ('patient', '{"patient_role": "doctor"}', '23514',
     'a consultation cannot give its patient the role doctor')
) as v (user_name, changes, code, sentence);
select throws_ok(
    format('update app.users set role = ''admin'' where id = %L', pg_temp.id_of(v.user_name)),
    '23503', null, v.sentence)
from (values
    ('other_patient', 'the role of a patient with a scheduled consultation cannot change'),
    ('patient', 'the role of a patient with a cancelled consultation cannot change')
) as v (user_name, sentence);

-- Columns of a consultation
select throws_ok(
    pg_temp.consultation_sql(:'second_slot', 'patient', jsonb_build_object(v.field, null)),
    '23502', null, 'a consultation always has its ' || v.field)
from unnest(
    ('{id,slot_id,doctor_id,patient_id,patient_role,starts_at,ends_at,status,fee_minor,currency,'
    'created_at,updated_at}')
    ::text[]) as v (field);
select throws_ok(
    pg_temp.consultation_sql(:'second_slot', 'patient',
        jsonb_build_object(v.field, gen_random_uuid())),
    '23503', null, 'a consultation has a ' || v.field || ' that exists')
from unnest('{slot_id,doctor_id,patient_id}'::text[]) as v (field);
select throws_ok(
    pg_temp.consultation_sql(:'second_slot', 'patient', v.changes::jsonb), '23514', null,
    v.sentence)
from (values
    ('{"ends_at": "2027-01-05 09:00:00+00"}', 'a consultation cannot have a length of zero'),
    ('{"ends_at": "infinity"}', 'the end of a consultation is finite'),
    ('{"starts_at": "-infinity"}', 'the start of a consultation is finite'),
    ('{"ends_at": "10000-01-01 00:00:00+00"}', 'a consultation ends before the year 10000'),
    ('{"created_at": "infinity"}', 'the time of a booking is finite'),
    ('{"updated_at": "infinity"}', 'the time of the last change of a consultation is finite'),
    ('{"status": "no_show"}', 'the status of a consultation is scheduled, completed or cancelled'),
    ('{"reason": ""}', 'the reason for a consultation is not empty'),
    ('{"notes": "Rest"}', 'a scheduled consultation has no notes'),
    ('{"status": "cancelled", "notes": "Rest"}', 'a cancelled consultation has no notes'),
    ('{"cancellation_reason": "Better"}',
     'a scheduled consultation has no cancellation reason'),
    (jsonb_build_object(
        'status', 'completed', 'cancellation_reason', 'Better', 'completion_digest', sha256('')),
     'a completed consultation has no cancellation reason'),
    ('{"status": "completed"}', 'a completed consultation has a digest'),
    (jsonb_build_object('completion_digest', sha256('')), 'a scheduled consultation has no digest'),
    ('{"status": "completed", "completion_digest": "\\\\x00"}',
     'a digest has the 32 bytes of a SHA-256'),
    ('{"fee_minor": -1}', 'the fee of a consultation is not below zero'),
    ('{"calendar_sequence": -1}', 'the calendar sequence of a consultation is not below zero'),
    ('{"fee_minor": 1000000000001}', 'the fee of a consultation is at most 10^12 minor units'),
    ('{"currency": "eur"}', 'the currency of a consultation is in capital letters'),
    ('{"currency": "XXX"}',
     'the currency of a consultation cannot be XXX, which stands for no currency')
) as v (changes, sentence);
select throws_ok(
    pg_temp.consultation_sql(
        :'second_slot', 'patient',
        jsonb_build_object(
            'status', v.status, v.field, repeat('x', 4001), 'completion_digest',
            case v.status when 'completed' then sha256('') end)),
    '23514', null, 'the column ' || v.field || ' of a consultation has at most 4000 characters')
from (values
    ('scheduled', 'reason'), ('completed', 'notes'), ('cancelled', 'cancellation_reason')
) as v (status, field);
select lives_ok(
    pg_temp.consultation_sql(
        :'second_slot', 'patient',
        jsonb_build_object(
            'status', 'completed', 'notes', repeat('x', 4000), 'fee_minor', 0,
            'completion_digest', sha256(''))),
    'notes may have 4000 characters, and a consultation may be free of charge');

-- Transitions are data
select bag_eq(
    'select from_status, to_status from app.consultation_transitions',
    $$values ('scheduled', 'completed'), ('scheduled', 'cancelled')$$,
    'the only transitions lead from scheduled to completed and to cancelled');

select * from finish();
rollback;
