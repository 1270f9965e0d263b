begin;
\ir ../helpers/actors.psql
select plan(12);

select pg_temp.booking('patient', pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00'))
    as met \gset
select pg_temp.booking('patient', pg_temp.open_slot('doctor', '2027-01-05 10:00:00+00'))
    as missed \gset
select pg_temp.booking('patient', pg_temp.open_slot('doctor', '2027-01-05 11:00:00+00'))
    as given_up \gset
select pg_temp.booking('patient', pg_temp.open_slot('doctor', '2027-01-05 12:00:00+00'))
    as cancelled \gset
select status from api.cancel_consultation(:'cancelled') \gset
select pg_temp.booking('patient', pg_temp.open_slot('doctor', '2027-01-05 15:00:00+00'))
    as moved \gset
select pg_temp.open_slot('doctor', '2027-01-05 17:00:00+00') as last_slot \gset
select pg_temp.open_slot('doctor', '2027-01-05 18:00:00+00') as later_slot \gset
select pg_temp.booking('patient', pg_temp.open_slot('doctor', '2027-01-06 00:00:00+00'))
    as next_day \gset

reset role;
create function pg_temp.joins(p_actor text, p_id uuid, p_now timestamptz)
returns setof text language plpgsql security definer
as $$
begin
    perform pg_temp.set_clock(p_now);
    perform pg_temp.sign_in(p_actor);
    perform api.join_consultation(p_id);
end;
$$;
create function pg_temp.attendance_at(p_now timestamptz)
returns table (id uuid, doctor_joins integer, patient_joins integer, absent text)
language plpgsql security definer
as $$
begin
    perform pg_temp.set_clock(p_now);
    return query
    select a.consultation_id, a.doctor_joins, a.patient_joins, a.absent::text
    from ops.attendance('2027-01-05', '2027-01-06') as a
    order by a.starts_at;
end;
$$;

select pg_temp.joins('doctor', :'met', '2027-01-05 08:59+00');
select pg_temp.joins('doctor', :'met', '2027-01-05 08:59:30+00');
select pg_temp.joins('patient', :'met', '2027-01-05 09:01+00');
select pg_temp.joins('patient', :'met', '2027-01-05 09:02+00');
select pg_temp.joins('doctor', :'missed', '2027-01-05 10:00+00');
select results_eq(
    $$ select * from pg_temp.attendance_at('2027-01-05 10:15+00') $$,
    format(
        $$ values (%L::uuid, 2, 2, '{}'), (%L, 1, 0, null), (%L, 0, 0, null), (%L, 0, 0, null) $$,
        :'met', :'missed', :'given_up', :'moved'),
    'attendance: nobody is absent as long as the room is open');
select results_eq(
    $$ select * from pg_temp.attendance_at('2027-01-05 11:00+00') $$,
    format(
        $$ values (%L::uuid, 2, 2, '{}'), (%L, 1, 0, '{patient}'), (%L, 0, 0, null),
            (%L, 0, 0, null) $$,
        :'met', :'missed', :'given_up', :'moved'),
    'attendance: a patient who has not joined until the room closes is absent');
select pg_temp.joins('doctor', :'given_up', '2027-01-05 11:05+00');
select pg_temp.sign_in('doctor');
select status from api.cancel_consultation(:'given_up', 'The patient has not come') \gset
select pg_temp.joins('patient', :'moved', '2027-01-05 14:50+00');
select pg_temp.sign_in('patient');
select c.id from api.reschedule_consultation(:'moved', :'last_slot', 'move') as c \gset
-- A second reschedule, after another join: only joins since the latest one count.
select pg_temp.joins('patient', :'moved', '2027-01-05 16:50+00');
select pg_temp.sign_in('patient');
select c.id from api.reschedule_consultation(:'moved', :'later_slot', 'move again') as c \gset
select results_eq(
    $$ select * from pg_temp.attendance_at('2027-01-05 23:00+00') $$,
    format(
        $$ values (%L::uuid, 2, 2, '{}'), (%L, 1, 0, '{patient}'), (%L, 1, 0, '{patient}'),
            (%L, 0, 0, '{doctor,patient}') $$,
        :'met', :'missed', :'given_up', :'moved'),
    'attendance: a join at a time that was given up does not count, and one before a cancellation '
    'does');
select is(
    a.patient_joined_at, (
        select min(e.occurred_at)::timestamptz from app.events as e
        where e.consultation_id = :'met' and e.type = 'consultation.joined'
          and e.user_id = pg_temp.id_of('patient')),
    'attendance: the patient joined at the time of the first of two events')
from ops.attendance('2027-01-05 09:00+00', '2027-01-05 09:00:00.000001+00') as a;
select is(
    a.doctor_joined_at, (
        select min(e.occurred_at)::timestamptz from app.events as e
        where e.consultation_id = :'met' and e.type = 'consultation.joined'
          and e.user_id = pg_temp.id_of('doctor')),
    'attendance: the doctor joined at the time of the first of two events')
from ops.attendance('2027-01-05 09:00+00', '2027-01-05 09:00:00.000001+00') as a;
select isnt_empty(
    format(
        $$ select l.id from app.access_logs as l
           where l.kind = 'read' and l.operation = 'attendance' and l.resource_ids = array[%L]::uuid[]
             and l.user_id is null $$,
        :'met'),
    'attendance: the access log has the call');
select ops.attendance('2026-01-01', '2026-01-02') \g /dev/null
select is(count(*) filter (where l.resource_ids is null), 0::bigint,
    'attendance: a call that finds nothing is not in the access log')
from app.access_logs as l where l.operation = 'attendance';
select throws_ok(
    format('select ops.attendance(%L, %L)', v.start, v.finish), 'TM202', null,
    'attendance: ' || v.sentence)
from (values
    (null, '2027-01-06', 'without a beginning it is refused'),
    ('2027-01-05', null, 'without an end it is refused'),
    ('2027-01-05', '2027-01-05', 'an empty period is refused')) as v (start, finish, sentence);
set local role telemed_dba;
select lives_ok(
    $$ select ops.attendance('2027-01-05', '2027-01-06') $$, 'attendance: a DBA may call it');
set local role telemed_api;
select throws_ok(
    $$ select ops.attendance('2027-01-05', '2027-01-06') $$, '42501', null,
    'attendance: the REST API cannot call it');

select * from finish();
rollback;
