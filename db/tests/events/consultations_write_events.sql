begin;
\ir ../helpers/actors.psql
select plan(18);
reset role;

select pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00') as slot \gset
select pg_temp.open_slot('doctor', '2027-01-05 10:00:00+00') as later \gset
select pg_temp.open_slot('doctor', '2027-01-05 11:00:00+00') as third \gset

create function pg_temp.events_of(p_id uuid) returns setof app.events language sql
as $$ select e.* from app.events as e where e.consultation_id = p_id order by e.sequence_number $$;

-- A whole life through the functions of api
select pg_temp.sign_in('patient', p_request_id => 'request-1');
select c.id as booking from api.book_consultation(:'slot', 'Zebra stripes', 'book') as c \gset
select pg_temp.sign_in('patient', p_request_id => 'request-2');
select api.reschedule_consultation(:'booking', :'later', 'move') \g /dev/null
select pg_temp.sign_in('doctor', p_request_id => 'request-3');
select api.complete_consultation(:'booking', 'Zebra notes') \g /dev/null
select results_eq(
    format('select type::text, sequence_number::integer, slot_id, cause::text, request_id::text,'
        ' actor_role::text from pg_temp.events_of(%L)', :'booking'),
    format($$ values
        ('consultation.booked', 1, %L::uuid, 'book_consultation', 'request-1', 'patient'),
        ('consultation.rescheduled', 2, %L, 'reschedule_consultation', 'request-2', 'patient'),
        ('consultation.completed', 3, %L, 'complete_consultation', 'request-3', 'doctor') $$,
        :'slot', :'later', :'later'),
    'consultations_write_events: booking, reschedule and completion are one event each');
select is_empty(
    format('select * from pg_temp.events_of(%L) where doctor_id <> pg_temp.id_of(''doctor'')'
        ' or patient_id <> pg_temp.id_of(''patient'') or user_id is not null', :'booking'),
    'consultations_write_events: each event has the doctor and the patient');
select is(e.data::jsonb,
    '{"status": "scheduled", "starts_at": "2027-01-05T09:00:00+00:00",
      "ends_at": "2027-01-05T09:30:00+00:00", "fee_minor": 5000, "currency": "EUR"}',
    'consultation.booked: the event has the whole state')
from pg_temp.events_of(:'booking') as e where e.type = 'consultation.booked';
select is(e.data::jsonb,
    jsonb_build_object(
        'status', 'scheduled', 'starts_at', '2027-01-05T10:00:00+00:00',
        'ends_at', '2027-01-05T10:30:00+00:00', 'fee_minor', 5000, 'currency', 'EUR',
        'former_slot_id', :'slot', 'former_starts_at', '2027-01-05T09:00:00+00:00',
        'former_ends_at', '2027-01-05T09:30:00+00:00'),
    'consultation.rescheduled: one event has the new slot and the former one')
from pg_temp.events_of(:'booking') as e where e.type = 'consultation.rescheduled';
select is(e.data ->> 'status', 'completed', 'consultation.completed: the event has the new status')
from pg_temp.events_of(:'booking') as e where e.type = 'consultation.completed';
select is_empty(
    format('select * from pg_temp.events_of(%L) as e where e::text ~* %L', :'booking', 'zebra'),
    'consultations_write_events: no event has the reason or the notes');

-- By hand, by a trigger, and with others
select pg_temp.sign_in('patient');
select c.id as second from api.book_consultation(:'slot', 'Zebra', 'second') as c \gset
select pg_temp.sign_in('nobody');
update app.consultations set status = 'cancelled', cancellation_reason = 'Zebra'
where id = :'second';
select results_eq(
    format('select type::text, cause::text, actor_id, data ->> ''status'''
        ' from pg_temp.events_of(%L) offset 1', :'second'),
    $$ values ('consultation.cancelled', null::text, null::uuid, 'cancelled') $$,
    'consultation.cancelled: a change by hand is an event without a function and an actor');
select is_empty(
    format('select * from pg_temp.events_of(%L) as e where e::text ~* %L', :'second', 'zebra'),
    'consultation.cancelled: no event has the reason of a cancellation');
select pg_temp.booking('patient', :'slot') as closed \gset
select pg_temp.sign_in('admin');
select api.deactivate_user(pg_temp.id_of('doctor'), true, 'Zebra') \g /dev/null
select is(e.cause, 'deactivate_user',
    'consultation.cancelled: the function that cancels many consultations is the cause')
from pg_temp.events_of(:'closed') as e where e.type = 'consultation.cancelled';
select api.activate_user(pg_temp.id_of('doctor')) \g /dev/null

-- No event
select pg_temp.open_slot('doctor', '2027-01-06 09:00:00+00') as fourth \gset
select pg_temp.booking('patient', :'fourth') as still \gset
update app.consultations set updated_at = now() where id = :'still';
select is(count(*), 1::bigint,
    'consultations_write_events: a change of neither slot nor status is no event')
from pg_temp.events_of(:'still');
savepoint before;
select api.cancel_consultation(:'still') \g /dev/null
rollback to before;
select is(count(*), 1::bigint, 'consultations_write_events: a change that is rolled back is no event')
from pg_temp.events_of(:'still');

-- Consultations from before there were events, as at a deployment
set local session_replication_role = replica;
delete from app.events;
delete from app.latest_events;
set local session_replication_role = origin;
select is(app.add_missing_events(), (select count(*) from app.consultations),
    'add_missing_events: each consultation without an event gets its events');
select is(app.add_missing_events(), 0::bigint, 'add_missing_events: a repetition adds nothing');
savepoint before;
set local session_replication_role = replica;
delete from app.events where consultation_id = :'still';
delete from app.latest_events where consultation_id = :'still';
set local session_replication_role = origin;
select is(app.add_missing_events(), 1::bigint,
    'add_missing_events: one consultation without an event among others gets its events');
rollback to before;
select results_eq(
    format('select type::text, sequence_number::integer, data ->> ''status'' from pg_temp.events_of(%L)',
        :'booking'),
    $$ values ('consultation.booked', 1, 'scheduled'), ('consultation.completed', 2, 'completed') $$,
    'add_missing_events: an older consultation that has ended gets two events');
select results_eq(
    format('select type::text, sequence_number::integer, data ->> ''status'' from pg_temp.events_of(%L)',
        :'still'),
    $$ values ('consultation.booked', 1, 'scheduled') $$,
    'add_missing_events: an older consultation that is scheduled gets one event');
select is_empty(
    $$ select * from app.events_invariants(null) where violations <> '{}' $$,
    'add_missing_events: the events of older consultations lead to their state');
select api.cancel_consultation(:'still') \g /dev/null
select is(e.sequence_number::integer, 2, 'add_missing_events: the numbers go on from there')
from pg_temp.events_of(:'still') as e where e.type = 'consultation.cancelled';

select * from finish();
rollback;
