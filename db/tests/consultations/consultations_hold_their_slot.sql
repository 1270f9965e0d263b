begin;
\ir ../helpers/actors.psql
select plan(35);
reset role;

-- The owner of the tables writes directly here, without the functions. The trigger
-- consultations_have_the_doctor_and_time_of_their_slot decides which slot a consultation gets;
-- consultations_hold_their_slot changes the status of that slot.
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

-- A new consultation books its slot
select lives_ok(pg_temp.consultation_sql(:'slot', 'patient'),
    'a consultation can be written for an open slot');
select is(pg_temp.slot_status(:'slot'), 'booked',
    'writing a consultation marks its slot as booked');
select is(
    (c.doctor_id, c.starts_at, c.ends_at)::text,
    (pg_temp.id_of('doctor'), timestamptz '2027-01-05 09:00+00',
        timestamptz '2027-01-05 09:30+00')::text,
    'a consultation gets the doctor and the time of its slot, whatever was written')
from app.consultations as c where c.slot_id = :'slot';
select throws_ok(pg_temp.consultation_sql(v.slot_id, 'other_patient'), 'TM901', null, v.sentence)
from (values
    (:'slot'::uuid, 'a consultation cannot be written for a booked slot'),
    (:'withdrawn_slot', 'a consultation cannot be written for a withdrawn slot'),
    (gen_random_uuid(), 'a consultation cannot be written for a slot that does not exist')
) as v (slot_id, sentence);

-- A move books the new slot and opens the old one
select id as booking from app.consultations where slot_id = :'slot' \gset
update app.consultations set slot_id = :'later_slot' where id = :'booking';
select is(
    (pg_temp.slot_status(:'slot'), pg_temp.slot_status(:'later_slot'))::text, '(open,booked)',
    'moving a consultation opens the old slot and marks the new one as booked');
select is(
    (c.doctor_id, c.starts_at, c.ends_at)::text,
    (pg_temp.id_of('doctor'), timestamptz '2027-01-06 09:00+00',
        timestamptz '2027-01-06 09:45+00')::text,
    'a moved consultation has the doctor and the time of the new slot')
from app.consultations as c where c.id = :'booking';
select throws_ok(
    format('update app.consultations set slot_id = %L where id = %L', v.slot_id, :'booking'),
    v.code, null, v.sentence)
from (values
    (:'withdrawn_slot'::uuid, 'TM901', 'a consultation cannot move to a withdrawn slot'),
    (gen_random_uuid(), 'TM901', 'a consultation cannot move to a slot that does not exist'),
    (null, 'TM901', 'a consultation cannot move to a null slot'),
    (:'other_slot', 'TM207', 'a consultation cannot move to a slot of another doctor')
) as v (slot_id, code, sentence);
select throws_ok(
    format('update app.consultations set %s where id = %L', v.change, :'booking'),
    'TM912', null, v.sentence)
from (values
    ('doctor_id = ' || quote_literal(pg_temp.id_of('other_doctor')),
     'the doctor of a consultation cannot differ from that of its slot'),
    ('starts_at = starts_at + interval ''1 minute''',
     'the start of a consultation cannot differ from that of its slot'),
    ('ends_at = ends_at + interval ''1 minute''',
     'the end of a consultation cannot differ from that of its slot')
) as v (change, sentence);
select is(pg_temp.slots_out_of_step(), 0::bigint,
    'a slot is booked exactly while a consultation holds it after a move');

-- The end of a consultation
update app.consultations set status = 'completed' where id = :'booking';
select is(pg_temp.slot_status(:'later_slot'), 'booked', 'a completed consultation keeps its slot');
select lives_ok(pg_temp.consultation_sql(:'slot', 'patient'),
    'the slot that a move has freed can be booked again');
update app.consultations set status = 'cancelled' where slot_id = :'slot';
select is(pg_temp.slot_status(:'slot'), 'open', 'a cancelled consultation frees its slot');
select is(pg_temp.slots_out_of_step(), 0::bigint,
    'a slot is booked exactly while a consultation holds it after a cancellation');

-- Two changes in one update
select lives_ok(pg_temp.consultation_sql(:'second_slot', 'patient'),
    'a third consultation can be written for an open slot');
select is(
    pg_temp.refusal('nobody', format(
        'update app.consultations set slot_id = %L, status = %L where slot_id = %L',
        :'third_slot', s, :'second_slot')),
    'TM912', 'a consultation cannot be moved and ' || s || ' in one update')
from unnest('{completed,cancelled}'::text[]) as s;
select is(
    pg_temp.slots_out_of_step(), 0::bigint,
    'a slot is booked exactly while a consultation holds it after a refused move');

-- Within time off
select pg_temp.open_slot('doctor', '2027-01-07 09:00:00+00') as away_slot \gset
select lives_ok(pg_temp.consultation_sql(:'away_slot', 'patient'),
    'a consultation can be written before its doctor takes time off');
insert into app.time_off (doctor_id, starts_at, ends_at)
values (pg_temp.id_of('doctor'), '2027-01-07 09:29:59+00', '2027-01-07 17:00+00');
update app.consultations set status = 'cancelled' where slot_id = :'away_slot';
select is(
    pg_temp.slot_status(:'away_slot'), 'withdrawn',
    'a slot that becomes free within time off is withdrawn');

-- An insert with on conflict do nothing
select pg_temp.open_slot('other_doctor', '2027-01-08 09:15:00+00') as overlapping_slot \gset
select pg_temp.open_slot('doctor', '2027-01-08 09:00:00+00') as held_slot \gset
select pg_temp.booking('patient', :'held_slot') as held \gset
select lives_ok(
    pg_temp.consultation_sql(:'overlapping_slot', 'patient') || ' on conflict do nothing',
    'an insert with on conflict do nothing passes over the booking of a busy patient');
select is(
    (pg_temp.slot_status(:'overlapping_slot'), pg_temp.slots_out_of_step())::text, '(open,0)',
    'a booking that is passed over leaves its slot open');
select lives_ok(
    pg_temp.consultation_sql(:'overlapping_slot', 'other_patient') || ' on conflict do nothing',
    'an insert with on conflict do nothing books the slot for a patient who is free');
select is(
    (pg_temp.slot_status(:'overlapping_slot'), pg_temp.slots_out_of_step())::text, '(booked,0)',
    'a booking with on conflict do nothing marks its slot as booked');

-- A slot of a deactivated doctor
select pg_temp.open_slot('doctor', '2027-01-09 09:00:00+00') as cancelled_later \gset
select pg_temp.open_slot('doctor', '2027-01-09 10:00:00+00') as kept \gset
select pg_temp.booking('patient', :'cancelled_later') as booking_to_cancel \gset
select pg_temp.booking('patient', :'kept') as booking_to_keep \gset
update app.users set deactivated_at = app.clock() where id = pg_temp.id_of('doctor');
select is(
    (pg_temp.slot_status(:'cancelled_later'), pg_temp.slot_status(:'kept'))::text,
    '(booked,booked)', 'deactivating a doctor leaves the booked slots booked');
update app.consultations set status = 'cancelled' where id = :'booking_to_cancel';
select is(
    (pg_temp.slot_status(:'cancelled_later'), pg_temp.slot_status(:'kept'))::text,
    '(withdrawn,booked)', 'a slot of a deactivated doctor that becomes free is withdrawn');
select is(pg_temp.slots_out_of_step(), 0::bigint,
    'a slot is booked exactly while a consultation holds it after a deactivation');

-- The layer behind: a slot that is marked as open with the trigger disabled
select pg_temp.open_slot('other_doctor', '2027-01-10 09:00:00+00') as reopened_slot \gset
select pg_temp.booking('patient', :'reopened_slot') as held_now \gset
alter table app.availability_slots disable trigger availability_slots_keep_their_time;
update app.availability_slots set status = 'open' where id = :'reopened_slot';
alter table app.availability_slots enable trigger availability_slots_keep_their_time;
set local role telemed_api;
select is(
    pg_temp.refusal('other_patient', format(
        'select api.book_consultation(%L, null, ''k'')', :'reopened_slot')),
    '23505', 'a booked slot that is wrongly marked as open still cannot be booked again');

-- Time off at another time, or of another doctor, does not affect a slot
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
select is(s.status, 'open',
    'a cancelled consultation opens its slot when time off is at another time or of another doctor')
from app.availability_slots as s where s.id = :'free_again';

select * from finish();
rollback;
