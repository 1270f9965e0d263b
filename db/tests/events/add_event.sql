begin;
\ir ../helpers/actors.psql
select plan(18);
reset role;

-- The jobs of this test
create temp table job (task text, arguments jsonb, lock text) on commit drop;
create or replace function app.enqueue_job(
    p_task text, p_arguments jsonb, p_lock text default null, p_at timestamptz default null,
    p_priority integer default 0)
returns bigint language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$ begin insert into pg_temp.job values (p_task, p_arguments, p_lock); return 1; end $$;
grant insert on job to telemed_internal;

select gen_random_uuid() as consultation, gen_random_uuid() as other, gen_random_uuid() as slot,
    gen_random_uuid() as doctor, gen_random_uuid() as patient, gen_random_uuid() as account \gset
select pg_temp.sign_in('patient', p_request_id => 'request-1');
select app.add_event('consultation.booked', '{"status": "scheduled"}', :'consultation', :'slot',
    :'doctor', :'patient') as first \gset
select app.add_event('consultation.booked', '{}', :'other') as other_first \gset
select app.add_event('payment.recorded', '{}', :'consultation') as second \gset
select app.add_event('account.closed', p_user_id => :'account') as closed \gset

select collect_tap(
    is(e.type::text, 'consultation.booked', 'add_event: an event has its type'),
    is(e.data::jsonb, '{"status": "scheduled"}', 'add_event: an event has its data'),
    is((e.consultation_id, e.slot_id, e.doctor_id, e.patient_id, e.user_id),
        (:'consultation'::uuid, :'slot'::uuid, :'doctor'::uuid, :'patient'::uuid, null::uuid),
        'add_event: an event has the ids of what it is about'),
    is(e.sequence_number::integer, 1, 'add_event: the first event of a consultation is number 1'),
    is(e.predecessor_id, null::bigint, 'add_event: the first event has no predecessor'),
    is((e.actor_id, e.actor_role, e.request_id),
        (pg_temp.id_of('patient'), 'patient'::app.code, 'request-1'::app.line),
        'add_event: an event has its actor and its request'),
    is(e.cause::text, null, 'add_event: an event that is written by hand has no function as its cause'))
from app.events as e where e.id = :first;
select collect_tap(
    is(e.sequence_number::integer, 2, 'add_event: the next event of a consultation is number 2'),
    is(e.predecessor_id, :first::bigint, 'add_event: the next event has the first as its predecessor'))
from app.events as e where e.id = :second;
select is(e.sequence_number::integer, 1, 'add_event: another consultation has numbers of its own')
from app.events as e where e.id = :other_first;
select collect_tap(
    is(e.sequence_number::integer, null, 'add_event: an event of an account has no number'),
    is(e.user_id, :'account'::uuid, 'add_event: an event of an account names it'))
from app.events as e where e.id = :closed;
select results_eq(
    format('select sequence_number::integer, event_id, predecessor_id from app.latest_events'
        ' where consultation_id = %L', :'consultation'),
    format('values (2, %s::bigint, %s::bigint)', :second, :first),
    'add_event: latest_events has the newest event');

-- Jobs
select results_eq(
    'select * from job',
    format(
        $$ values ('dispatch_event', '{"event_id": %s}'::jsonb, %L), ('dispatch_event',
                   '{"event_id": %s}', %L), ('dispatch_event', '{"event_id": %s}', %L),
                  ('dispatch_event', '{"event_id": %s}', %L) $$,
        :first, :'consultation', :other_first, :'other', :second, :'consultation',
        :closed, :'account'),
    'add_event: each event enqueues a job, with the consultation or the account as its lock');
select app.add_event('slot.opened', p_slot_id => :'slot') \g /dev/null
select is((select count(*) from job), 4::bigint, 'add_event: events of slots enqueue no job');

-- The order of readers
set local session_replication_role = replica;
update app.latest_events set transaction_id = '999999999999'
where consultation_id in (:'consultation', :'other');
update app.event_origin set first_id = :second;
set local session_replication_role = origin;
select app.add_event('refund.recorded', '{}', :'consultation') as third \gset
select app.add_event('payment.recorded', '{}', :'other') as other_second \gset
select is(e.transaction_id, v.transaction_id, v.sentence)
from (values
    (:third, '999999999999'::xid8,
     'add_event: an event is read after its predecessor, even if that has a later transaction'),
    (:other_second, pg_current_xact_id(),
     'add_event: the transaction of a predecessor from another cluster does not count'))
    as v (id, transaction_id, sentence)
inner join app.events as e on e.id = v.id;

-- The function
create function api.written_by_a_test() returns bigint language plpgsql
as $$ begin return app.add_event('account.created'); end $$;
select api.written_by_a_test() as written \gset
select is(e.cause::text, 'written_by_a_test', 'add_event: an event has the function that caused it')
from app.events as e where e.id = :written;

select * from finish();
rollback;
