begin;
\ir ../helpers/actors.psql
select plan(35);
reset role;

-- Everything here is written by the owner of the tables, past every function. Which slot a
-- consultation gets is decided by consultations_have_the_doctor_and_time_of_their_slot, and what
-- becomes of its slot by consultations_hold_their_slot.
select pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00') as slot \gset
select pg_temp.open_slot('doctor', '2027-01-05 10:00:00+00') as second_slot \gset
select pg_temp.open_slot('doctor', '2027-01-05 11:00:00+00') as third_slot \gset
select pg_temp.open_slot('doctor', '2027-01-05 12:00:00+00') as withdrawn_slot \gset
select pg_temp.open_slot('doctor', '2027-01-06 09:00:00+00', 45) as later_slot \gset
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
update app.consultations set slot_id = :'later_slot' where id = :'booking';
select is(
    (pg_temp.slot_status(:'slot'), pg_temp.slot_status(:'later_slot'))::text, '(open,booked)',
    'a move frees the old slot and takes the new one');
select is(
    (c.doctor_id, c.starts_at, c.ends_at)::text,
    (pg_temp.id_of('doctor'), timestamptz '2027-01-06 09:00+00',
        timestamptz '2027-01-06 09:45+00')::text,
    'the consultation takes over the time of the new slot')
from app.consultations as c where c.id = :'booking';
select throws_ok(
    format('update app.consultations set slot_id = %L where id = %L', v.slot_id, :'booking'),
    v.code, null, v.sentence)
from (values
    (:'withdrawn_slot'::uuid, 'TM901', 'a move to a withdrawn slot is refused'),
    (gen_random_uuid(), 'TM901', 'a move to a slot that does not exist is refused'),
    (null, 'TM901', 'a move to nowhere is refused'),
    (:'other_slot', 'TM207', 'a move to another doctor is refused')
) as v (slot_id, code, sentence);
select throws_ok(
    format('update app.consultations set %s where id = %L', v.change, :'booking'),
    'TM912', null, v.sentence)
from (values
    ('doctor_id = ' || quote_literal(pg_temp.id_of('other_doctor')),
     'a consultation has the doctor of its slot'),
    ('starts_at = starts_at + interval ''1 minute''', 'it begins with its slot'),
    ('ends_at = ends_at + interval ''1 minute''', 'it ends with its slot')
) as v (change, sentence);
select is(pg_temp.slots_out_of_step(), 0::bigint, 'slots and consultations agree');

-- The end of a consultation
update app.consultations set status = 'completed' where id = :'booking';
select is(pg_temp.slot_status(:'later_slot'), 'booked', 'a completed consultation keeps its slot');
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

-- An insert that does nothing
select pg_temp.open_slot('other_doctor', '2027-01-08 09:15:00+00') as overlapping_slot \gset
select pg_temp.open_slot('doctor', '2027-01-08 09:00:00+00') as held_slot \gset
select pg_temp.booking('patient', :'held_slot') as held \gset
select lives_ok(
    pg_temp.consultation_sql(:'overlapping_slot', 'patient') || ' on conflict do nothing',
    'a busy patient''s booking may be passed over in silence');
select is(
    (pg_temp.slot_status(:'overlapping_slot'), pg_temp.slots_out_of_step())::text, '(open,0)',
    'then the slot stays open');
select lives_ok(
    pg_temp.consultation_sql(:'overlapping_slot', 'other_patient') || ' on conflict do nothing',
    'a patient who has time gets it');
select is(
    (pg_temp.slot_status(:'overlapping_slot'), pg_temp.slots_out_of_step())::text, '(booked,0)',
    'and then it is booked');

-- Of a doctor who has left
select pg_temp.open_slot('doctor', '2027-01-09 09:00:00+00') as cancelled_later \gset
select pg_temp.open_slot('doctor', '2027-01-09 10:00:00+00') as kept \gset
select pg_temp.booking('patient', :'cancelled_later') as booking_to_cancel \gset
select pg_temp.booking('patient', :'kept') as booking_to_keep \gset
update app.users set deactivated_at = app.clock() where id = pg_temp.id_of('doctor');
select is(
    (pg_temp.slot_status(:'cancelled_later'), pg_temp.slot_status(:'kept'))::text,
    '(booked,booked)', 'what is booked with a doctor who leaves stands');
update app.consultations set status = 'cancelled' where id = :'booking_to_cancel';
select is(
    (pg_temp.slot_status(:'cancelled_later'), pg_temp.slot_status(:'kept'))::text,
    '(withdrawn,booked)', 'a slot that becomes free after that is withdrawn');
select is(pg_temp.slots_out_of_step(), 0::bigint, 'slots and consultations agree to the end');

-- The wall behind: a slot that was marked as open beside the triggers
select pg_temp.open_slot('other_doctor', '2027-01-10 09:00:00+00') as reopened_slot \gset
select pg_temp.booking('patient', :'reopened_slot') as held_now \gset
alter table app.availability_slots disable trigger availability_slots_keep_their_time;
update app.availability_slots set status = 'open' where id = :'reopened_slot';
alter table app.availability_slots enable trigger availability_slots_keep_their_time;
set local role telemed_api;
select is(
    pg_temp.refusal('other_patient', format(
        'select api.book_consultation(%L, null, ''k'')', :'reopened_slot')),
    '23505', 'even when a booked slot is marked as open by mistake nobody else gets it');

-- Time off at another time, or of somebody else, does not keep a slot
reset role;
select pg_temp.set_clock('2027-01-04 08:00:00+00');
insert into app.time_off (doctor_id, starts_at, ends_at)
values (pg_temp.id_of('other_doctor'), '2029-06-02 09:00:00+00', '2029-06-02 17:00:00+00'),
    (pg_temp.id_of('doctor'), '2029-06-01 09:00:00+00', '2029-06-01 17:00:00+00');
set local role telemed_api;
select pg_temp.open_slot('other_doctor', '2029-06-01 10:00:00+00') as free_again \gset
select pg_temp.booking('patient', :'free_again') as cancelled_again \gset
select api.cancel_consultation(:'cancelled_again') \g /dev/null
reset role;
select is(s.status, 'open', 'a slot is free again when its doctor is there')
from app.availability_slots as s where s.id = :'free_again';

select * from finish();
rollback;
