begin;
\ir ../helpers/actors.psql
select plan(18);
reset role;

select pg_temp.booking('patient', pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00')) as id \gset
select app.consultation_digest(c) as digest from app.consultations as c where c.id = :'id' \gset

-- Each column of a completed consultation, changed on its own
create temp table change (field name primary key, value jsonb not null) on commit drop;
insert into change values
('id', '"00000000-0000-7000-8000-000000000000"'),
('slot_id', '"00000000-0000-7000-8000-000000000000"'),
('doctor_id', '"00000000-0000-7000-8000-000000000000"'),
('patient_id', '"00000000-0000-7000-8000-000000000000"'),
('starts_at', '"2027-01-05 09:00:00.000001+00"'),
('ends_at', '"2027-01-05 09:30:00.000001+00"'),
('status', '"completed"'),
('reason', '"A reason"'),
('notes', '"Notes"'),
('fee_minor', '5001'),
('currency', '"USD"'),
('created_at', '"2027-01-04 08:00:00.000001+00"'),
('updated_at', '"2027-01-04 08:00:00.000001+00"'),
('calendar_sequence', '1');
select set_eq(
    'select field from change',
    $$select attname from pg_attribute
      where attrelid = 'app.consultations'::regclass and attnum > 0 and not attisdropped
        and attname not in ('patient_role', 'cancellation_reason', 'completion_digest')$$,
    'the digest covers every column that a completed consultation can have');
select isnt(
    app.consultation_digest(jsonb_populate_record(c, jsonb_build_object(v.field, v.value)))::text,
    :'digest', 'a change of ' || v.field || ' changes the digest')
from change as v, app.consultations as c
where c.id = :'id';

select isnt(
    app.consultation_digest(jsonb_populate_record(c, '{"reason": "a", "notes": "b"}')),
    app.consultation_digest(jsonb_populate_record(c, '{"reason": "a,b"}')),
    'the digest separates the texts that it covers')
from app.consultations as c where c.id = :'id';
set local timezone = 'Asia/Tokyo';
select is(app.consultation_digest(c)::text, :'digest',
    'the digest does not depend on the time zone of the session')
from app.consultations as c where c.id = :'id';
select is(octet_length(:'digest'::bytea), 32, 'the digest has the 32 bytes of a SHA-256');

select * from finish();
rollback;
