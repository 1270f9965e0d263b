begin;
\ir ../helpers/actors.psql
select plan(65);
reset role;

-- The owner of the table writes directly here, without the functions.
create function pg_temp.slot_sql(
    p_starts_at text, p_ends_at text, p_doctor text default 'doctor', p_status text default 'open')
returns text language sql
as $$
    select format(
        'insert into app.availability_slots (doctor_id, starts_at, ends_at, status) '
        'values (%L, %L, %L, %L)', pg_temp.id_of(p_doctor), p_starts_at, p_ends_at, p_status)
$$;

select pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00', 60) as slot \gset
select pg_temp.open_slot('doctor', '2027-01-07 09:00:00+00', 60) as withdrawn_slot \gset
update app.availability_slots set status = 'withdrawn' where id = :'withdrawn_slot';

-- Slots of a doctor never overlap
select throws_ok(
    pg_temp.slot_sql('2027-01-05 09:59:59.999999+00', '2027-01-05 11:00:00+00'), '23P01',
    'conflicting key value violates exclusion constraint '
    '"availability_slots_of_a_doctor_never_overlap"',
    'a slot cannot begin one microsecond before another slot of its doctor ends');
select throws_ok(
    pg_temp.slot_sql('2027-01-05 08:00:00+00', '2027-01-05 09:00:00.000001+00'), '23P01', null,
    'a slot cannot end one microsecond after another slot of its doctor begins');
select throws_ok(
    pg_temp.slot_sql('2027-01-05 09:15:00+00', '2027-01-05 09:30:00+00'), '23P01', null,
    'a slot cannot lie within another slot of its doctor');
select lives_ok(
    pg_temp.slot_sql('2027-01-05 10:00:00+00', '2027-01-05 11:00:00+00'),
    'a slot may begin at the instant at which another slot ends');
select lives_ok(
    pg_temp.slot_sql('2027-01-05 08:00:00+00', '2027-01-05 09:00:00+00'),
    'a slot may end at the instant at which another slot begins');
select lives_ok(
    pg_temp.slot_sql('2027-01-05 09:00:00+00', '2027-01-05 10:00:00+00', 'other_doctor'),
    'slots of two doctors may have the same hours');
select lives_ok(
    pg_temp.slot_sql('2027-01-07 09:00:00+00', '2027-01-07 10:00:00+00'),
    'a new slot may overlap a withdrawn slot');

-- A new slot is open
select throws_ok(
    pg_temp.slot_sql('2027-03-01 09:00:00+00', '2027-03-01 10:00:00+00', p_status => s),
    'TM912', 'A new slot must be open, not ' || s, 'a new slot cannot have the status ' || s)
from unnest('{booked,withdrawn,reserved}'::text[]) as s;

-- A slot is booked exactly while a consultation holds it
select pg_temp.open_slot('doctor', '2027-01-09 09:00:00+00') as booked_slot \gset
select pg_temp.open_slot('doctor', '2027-01-09 10:00:00+00') as completed_slot \gset
select pg_temp.open_slot('doctor', '2027-01-09 11:00:00+00') as cancelled_slot \gset
select pg_temp.booking('patient', :'booked_slot') as booking \gset
select pg_temp.booking('patient', :'completed_slot') as completed \gset
select pg_temp.booking('patient', :'cancelled_slot') as cancelled \gset
select throws_ok(
    pg_temp.slot_sql('2027-01-09 09:15:00+00', '2027-01-09 09:45:00+00'), '23P01', null,
    'a new slot cannot overlap a booked slot');
update app.consultations set status = 'completed' where id = :'completed';
update app.consultations set status = 'cancelled' where id = :'cancelled';
select is(
    pg_temp.refusal('nobody', format(
        'update app.availability_slots set status = %L where id = %L', v.status, v.slot)),
    v.refusal, v.sentence)
from (values
    (:'booked_slot'::uuid, 'open', 'TM912', 'a booked slot cannot be set to open directly'),
    (:'booked_slot', 'withdrawn', 'TM912', 'a booked slot cannot be set to withdrawn directly'),
    (:'booked_slot', 'booked', null, 'a booked slot accepts an update that leaves it booked'),
    (:'completed_slot', 'open', 'TM912',
     'the slot of a completed consultation cannot be set to open'),
    (:'completed_slot', 'withdrawn', 'TM912',
     'the slot of a completed consultation cannot be set to withdrawn'),
    (:'cancelled_slot', 'booked', 'TM912',
     'the slot of a cancelled consultation cannot be set to booked directly'),
    (:'cancelled_slot', 'withdrawn', null, 'the slot of a cancelled consultation may be withdrawn'),
    (:'slot', 'booked', 'TM912', 'an open slot cannot be set to booked directly'),
    (:'slot', 'open', null, 'an open slot accepts an update that leaves it open')
) as v (slot, status, refusal, sentence);

-- A slot keeps its doctor and its time
select throws_ok(
    format('update app.availability_slots set %s where id = %L', v.change, :'slot'),
    'TM912', null, v.sentence)
from (values
    ('id = gen_random_uuid()', 'a slot keeps its id'),
    ('doctor_id = ' || quote_literal(pg_temp.id_of('other_doctor')), 'a slot keeps its doctor'),
    ('starts_at = starts_at + interval ''1 minute''', 'a slot keeps its start'),
    ('ends_at = ends_at - interval ''1 minute''', 'a slot keeps its end'),
    ('starts_at_local = ''2027-01-05 09:00'', time_zone = ''UTC''',
     'a slot keeps its local start and its time zone')
) as v (change, sentence);
select throws_ok(
    format('update app.availability_slots set status = %L where id = %L', s, :'withdrawn_slot'),
    'TM912', 'A withdrawn slot cannot change: publish another slot',
    'a withdrawn slot cannot become ' || s)
from unnest(array['open', 'booked']) as s;

-- The constraint holds with the trigger disabled
alter table app.availability_slots disable trigger availability_slots_keep_their_time;
select throws_ok(
    format(
        'update app.availability_slots set starts_at = starts_at - interval ''1 minute'' '
        'where id = %L',
        :'slot'),
    '23P01', null, 'the exclusion constraint alone keeps a slot from moving onto another slot');
select throws_ok(
    format('update app.availability_slots set status = ''open'' where id = %L', :'withdrawn_slot'),
    '23P01', null,
    'the exclusion constraint alone keeps a withdrawn slot from returning onto another slot');
alter table app.availability_slots enable trigger availability_slots_keep_their_time;

-- The length of a slot, and its earliest and latest time
select throws_ok(pg_temp.slot_sql(v.starts_at, v.ends_at), '23514', null, v.sentence)
from (values
    ('2027-02-01 09:00:00+00', '2027-02-01 09:00:59.999999+00', 'a slot lasts at least one minute'),
    ('2027-02-01 09:00:00+00', '2027-02-01 09:00:00+00', 'a slot cannot have a length of zero'),
    ('2027-02-01 09:00:00+00', '2027-02-02 09:00:00.000001+00', 'a slot lasts at most 24 hours'),
    ('2027-02-01 09:00:00+00', 'infinity', 'the end of a slot is finite'),
    ('-infinity', '2027-02-01 09:00:00+00', 'the start of a slot is finite'),
    ('9999-12-31 23:30:00+00', '10000-01-01 00:00:00+00', 'a slot ends before the year 10000'),
    ('1899-12-31 23:30:00+00', '1900-01-01 00:30:00+00', 'a slot cannot begin before 1900')
) as v (starts_at, ends_at, sentence);
select throws_ok(
    pg_temp.slot_sql('2027-02-01 09:00:00+00', '2027-02-01 08:00:00+00'),
    '22000', null, 'a slot cannot end before it begins');
select lives_ok(
    pg_temp.slot_sql('2027-02-01 09:00:00+00', '2027-02-01 09:01:00+00'),
    'a slot may last one minute');
select lives_ok(
    pg_temp.slot_sql('2027-02-02 09:00:00+00', '2027-02-03 09:00:00+00'),
    'a slot may last 24 hours');

-- Columns of a slot
select throws_ok(
    pg_temp.slot_sql('2027-03-01 09:00:00+00', '2027-03-01 10:00:00+00', 'patient'),
    '23502', null, 'a slot cannot belong to a patient');
alter table app.availability_slots
disable trigger availability_slots_are_offered_by_active_doctors;
select throws_ok(
    format(
        'insert into app.availability_slots (doctor_id, starts_at, ends_at, specialty, status) '
        'values (%L, %L, %L, ''cardiology'', ''reserved'')',
        pg_temp.id_of('doctor'), '2027-03-01 09:00:00+00', '2027-03-01 10:00:00+00'),
    '23514', null, 'the status of a slot is open, booked or withdrawn');
select throws_ok(
    format(
        'insert into app.availability_slots (doctor_id, starts_at, ends_at, specialty) '
        'values (%L, %L, %L, ''cardiology'')',
        pg_temp.id_of('patient'), '2027-03-01 09:00:00+00', '2027-03-01 10:00:00+00'),
    '23503', null, 'a slot with a specialty still cannot belong to a patient');
alter table app.availability_slots
enable trigger availability_slots_are_offered_by_active_doctors;
select throws_ok(
    format('update app.availability_slots set status = null where id = %L', :'slot'),
    '23502', null, 'a slot always has a status');
select throws_ok(
    'insert into app.availability_slots (doctor_id, starts_at, ends_at) '
    'values (null, now(), now() + interval ''1 hour'')',
    '23502', null, 'a slot always has a doctor');
select throws_ok(
    format(
        'insert into app.availability_slots (doctor_id, starts_at, ends_at) '
        'values (%L, null, now())',
        pg_temp.id_of('doctor')),
    '23502', null, 'a slot always has a start');
select throws_ok(
    format(
        'insert into app.availability_slots (doctor_id, starts_at, ends_at) '
        'values (%L, now(), null)',
        pg_temp.id_of('doctor')),
    '23502', null, 'a slot always has an end');

select is(
    pg_temp.refusal('nobody', format(
        'insert into app.availability_slots (doctor_id, starts_at, ends_at, starts_at_local, '
        'time_zone) values (%L, ''2027-05-01 09:00+00'', ''2027-05-01 10:00+00'', %L, %L)',
        pg_temp.id_of('doctor'), v.starts_at_local, v.time_zone)),
    v.refusal, v.sentence)
from (values
    ('2027-05-01 09:00', null, '23514', 'a local start requires a time zone'),
    (null, 'UTC', '23514', 'a time zone requires a local start'),
    -- Since PostgreSQL 17 an interval may be infinite, and the constraint refuses it.
    ('infinity', 'UTC',
     case when current_setting('server_version_num')::integer < 170000 then '22008' else '23514' end,
     'a local start is finite'),
    ('2027-05-03 09:00:00.000001', 'UTC', '23514',
     'a local start is at most 48 hours after the start in UTC'),
    ('2027-04-29 08:59:59.999999', 'UTC', '23514',
     'a local start is at most 48 hours before the start in UTC'),
    ('2027-05-01 11:00', '', '23514', 'the time zone of a slot is not empty'),
    ('2027-05-01 11:00', 'Europe/Berlin', null,
     'a slot may have the local start that clocks in its time zone show')
) as v (starts_at_local, time_zone, refusal, sentence);

-- The specialty of a slot
select is(s.specialty::text, 'cardiology', 'a slot has the code of its doctor''s specialty')
from app.availability_slots as s where s.id = :'slot';
update app.doctors set specialty = 'Sports Medicine' where user_id = pg_temp.id_of('doctor');
select is_empty(
    format(
        'select id from app.availability_slots where doctor_id = %L and status <> ''withdrawn'' '
        'and specialty <> ''sports_medicine''', pg_temp.id_of('doctor')),
    'a change of a doctor''s specialty reaches every slot that is not withdrawn');
select is(count(*), 1::bigint,
    'a change of a doctor''s specialty leaves the slots of other doctors as they are')
from app.availability_slots where specialty = 'dermatology';

-- Deactivated doctors
select pg_temp.open_slot('other_doctor', '2027-01-04 07:30:00+00') as begun_slot \gset
select pg_temp.open_slot('other_doctor', '2027-04-01 09:00:00+00') as their_booked_slot \gset
select pg_temp.booking('patient', :'their_booked_slot') as their_booking \gset
select pg_temp.sign_in('admin');
update app.users set deactivated_at = app.clock() where id = pg_temp.id_of('patient');
select cmp_ok(
    (select count(*) from app.availability_slots as s
     where s.doctor_id = pg_temp.id_of('other_doctor') and s.status = 'open'),
    '>', 1::bigint, 'deactivating another account leaves a doctor''s slots open');
update app.users set deactivated_at = app.clock() where id = pg_temp.id_of('other_doctor');
select is(
    (select array_agg(s.status order by s.status) from app.availability_slots as s
     where s.doctor_id = pg_temp.id_of('other_doctor')),
    '{booked,withdrawn,withdrawn}',
    'deactivating a doctor withdraws the open slots and leaves the booked slots as they are');
select is(
    (l.old ->> 'status', l.new ->> 'status', l.user_id)::text,
    ('open', 'withdrawn', pg_temp.id_of('admin'))::text,
    'the audit log names the actor whose deactivation of a doctor withdrew a slot')
from app.audit_logs as l
where l.table_name = 'availability_slots' and l.row_id = :'begun_slot' and l.operation = 'UPDATE';
select isnt(count(*), 0::bigint, 'deactivating a doctor leaves the slots of other doctors open')
from app.availability_slots as s
where s.doctor_id = pg_temp.id_of('doctor') and s.status = 'open';
select is(
    pg_temp.refusal('nobody', pg_temp.slot_sql(
        '2027-04-02 09:00:00+00', '2027-04-02 10:00:00+00', 'other_doctor')),
    'TM102', 'a deactivated doctor cannot have a new slot');
update app.users set deactivated_at = app.clock() + interval '1 minute'
where id = pg_temp.id_of('other_doctor');
update app.users set deactivated_at = null where id = pg_temp.id_of('other_doctor');
select is(s.status, 'withdrawn', 'activating a doctor again does not reopen withdrawn slots')
from app.availability_slots as s where s.id = :'begun_slot';
select lives_ok(
    pg_temp.slot_sql('2027-04-02 09:00:00+00', '2027-04-02 10:00:00+00', 'other_doctor'),
    'a doctor who is activated again can have new slots');

-- Slots are kept
select throws_ok(
    format('delete from app.availability_slots where id = %L', :'slot'),
    'TM912', null, 'a slot is never deleted');
select throws_ok(
    'truncate app.availability_slots cascade', 'TM912',
    'TRUNCATE of availability_slots is not allowed: its rows are kept as they were written',
    'the table of slots cannot be truncated');

select * from finish();
rollback;
