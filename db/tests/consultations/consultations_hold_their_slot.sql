begin;
\ir ../helpers/actors.psql
select plan(26);
reset role;

-- Everything here is written by the owner of the table, past every function.
select pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00') as slot \gset
select pg_temp.open_slot('doctor', '2027-01-05 10:00:00+00') as second_slot \gset
select pg_temp.open_slot('doctor', '2027-01-05 11:00:00+00') as third_slot \gset
select pg_temp.open_slot('doctor', '2027-01-05 12:00:00+00') as withdrawn_slot \gset
select pg_temp.open_slot('other_doctor', '2027-01-06 09:00:00+00', 45) as other_slot \gset
update app.availability_slots set status = 'withdrawn' where id = :'withdrawn_slot';

create function pg_temp.consultation_sql(p_slot_id uuid, p_patient text)
returns text language sql
as $$
    select format(
        'insert into app.consultations '
        '(slot_id, doctor_id, patient_id, starts_at, ends_at, fee_minor, currency) '
        'values (%L, %L, %L, ''2030-01-01 00:00+00'', ''2030-01-01 01:00+00'', 5000, ''EUR'')',
        p_slot_id, pg_temp.id_of('other_doctor'), pg_temp.id_of(p_patient))
$$;

create function pg_temp.slot_status(p_slot_id uuid)
returns text language sql
as $$ select s.status from app.availability_slots as s where s.id = p_slot_id $$;

create function pg_temp.slots_out_of_step()
returns bigint language sql
as $$
    select count(*) from app.availability_slots as s
    where (s.status = 'booked') is distinct from exists (
        select from app.consultations as c where c.slot_id = s.id and c.status <> 'cancelled')
$$;

-- A new consultation takes its slot
select lives_ok(pg_temp.consultation_sql(:'slot', 'patient'), 'a consultation is written');
select is(pg_temp.slot_status(:'slot'), 'booked', 'its slot is booked by that');
select is(
    (c.doctor_id, c.starts_at, c.ends_at)::text,
    (pg_temp.id_of('doctor'), timestamptz '2027-01-05 09:00+00',
        timestamptz '2027-01-05 09:30+00')::text,
    'doctor and time are those of the slot, whatever was written')
from app.consultations as c where c.slot_id = :'slot';
select throws_ok(pg_temp.consultation_sql(v.slot_id, 'other_patient'), 'TM901', null, v.sentence)
from (values
    (:'slot'::uuid, 'a slot that is booked cannot be taken'),
    (:'withdrawn_slot', 'a slot that is withdrawn cannot be taken'),
    (gen_random_uuid(), 'a slot that does not exist cannot be taken')
) as v (slot_id, sentence);

-- A move takes the new slot and frees the old one
select id as booking from app.consultations where slot_id = :'slot' \gset
update app.consultations set slot_id = :'other_slot' where id = :'booking';
select is(
    (pg_temp.slot_status(:'slot'), pg_temp.slot_status(:'other_slot'))::text, '(open,booked)',
    'a move frees the old slot and takes the new one');
select is(
    (c.doctor_id, c.starts_at, c.ends_at)::text,
    (pg_temp.id_of('other_doctor'), timestamptz '2027-01-06 09:00+00',
        timestamptz '2027-01-06 09:45+00')::text,
    'the consultation takes over the doctor and the time of the new slot')
from app.consultations as c where c.id = :'booking';
select throws_ok(
    format('update app.consultations set slot_id = %L where id = %L', v.slot_id, :'booking'),
    v.code, null, v.sentence)
from (values
    (:'withdrawn_slot'::uuid, 'TM901', 'a move to a withdrawn slot is refused'),
    (gen_random_uuid(), 'TM901', 'a move to a slot that does not exist is refused'),
    (null, '23502', 'a move to nowhere is refused')
) as v (slot_id, code, sentence);
select throws_ok(
    format('update app.consultations set %s where id = %L', v.change, :'booking'),
    'TM912', null, v.sentence)
from (values
    ('doctor_id = ' || quote_literal(pg_temp.id_of('doctor')),
     'a consultation has the doctor of its slot'),
    ('starts_at = starts_at + interval ''1 minute''', 'it begins with its slot'),
    ('ends_at = ends_at + interval ''1 minute''', 'it ends with its slot')
) as v (change, sentence);
select is(pg_temp.slots_out_of_step(), 0::bigint, 'slots and consultations agree');

-- The end of a consultation
update app.consultations set status = 'completed' where id = :'booking';
select is(pg_temp.slot_status(:'other_slot'), 'booked', 'a completed consultation keeps its slot');
select lives_ok(pg_temp.consultation_sql(:'slot', 'patient'), 'another consultation is written');
update app.consultations set status = 'cancelled' where slot_id = :'slot';
select is(pg_temp.slot_status(:'slot'), 'open', 'a cancelled consultation frees its slot');
select is(pg_temp.slots_out_of_step(), 0::bigint, 'slots and consultations still agree');

-- Two things in one write
select lives_ok(pg_temp.consultation_sql(:'second_slot', 'patient'),
    'a third consultation is written');
select is(
    pg_temp.refusal('nobody', format(
        'update app.consultations set slot_id = %L, status = %L where slot_id = %L',
        :'third_slot', s, :'second_slot')),
    'TM912', 'it is not moved and ' || s || ' in one write')
from unnest('{completed,cancelled}'::text[]) as s;
select is(
    pg_temp.slots_out_of_step(), 0::bigint,
    'so no slot is left booked for nobody');

-- Within time off
select pg_temp.open_slot('doctor', '2027-01-07 09:00:00+00') as away_slot \gset
select lives_ok(pg_temp.consultation_sql(:'away_slot', 'patient'), 'a booking stands');
insert into app.time_off (doctor_id, starts_at, ends_at)
values (pg_temp.id_of('doctor'), '2027-01-07 09:29:59+00', '2027-01-07 17:00+00');
update app.consultations set status = 'cancelled' where slot_id = :'away_slot';
select is(
    pg_temp.slot_status(:'away_slot'), 'withdrawn',
    'a slot that becomes free within time off is withdrawn');

-- The wall behind: a slot that was marked as open by mistake
select pg_temp.open_slot('doctor', '2027-01-08 09:00:00+00') as reopened_slot \gset
select pg_temp.booking('patient', :'reopened_slot') as held \gset
update app.availability_slots set status = 'open' where id = :'reopened_slot';
set local role telemed_api;
select is(
    pg_temp.refusal('other_patient', format(
        'select api.book_consultation(%L, null, ''k'')', :'reopened_slot')),
    '23505', 'even when a booked slot is marked as open by mistake nobody else gets it');

select * from finish();
rollback;
