begin;
\ir ../helpers/actors.psql
\ir ../helpers/reads.psql
select plan(38);

select pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00') as slot \gset
select pg_temp.open_slot('doctor', '2027-01-05 11:00:00+00') as later_slot \gset
select pg_temp.booking('patient', :'slot') as booking \gset
select pg_temp.booking('other_patient', pg_temp.open_slot('doctor', '2027-01-05 09:30:00+00'))
    as foreign_booking \gset
select pg_temp.booking('patient', pg_temp.open_slot('doctor', '2027-01-05 10:00:00+00'))
    as cancelled \gset
select status from api.cancel_consultation(:'cancelled') \gset
select pg_temp.booking('patient', pg_temp.open_slot('doctor', '2027-01-05 10:30:00+00'))
    as completed \gset
select pg_temp.sign_in('doctor');
select status from api.complete_consultation(:'completed') \gset

-- The window
reset role;
create function pg_temp.refusal_at(p_now timestamptz, p_actor text, p_id uuid)
returns text language plpgsql security definer
as $$
begin
    perform pg_temp.set_clock(p_now);
    return pg_temp.refusal(p_actor, format('select api.join_consultation(%L)', p_id));
end;
$$;
select is(
    pg_temp.refusal_at(v.now::timestamptz, a.actor, :'booking'), v.refusal,
    format(v.sentence, a.actor))
from (values
    ('2027-01-04 08:00:00+00', 'TM940', 'the %s cannot join a day before the start'),
    ('2027-01-05 08:44:59.999999+00', 'TM940',
     'the %s cannot join one microsecond before the room opens'),
    ('2027-01-05 08:45:00+00', null, 'the %s joins from 15 minutes before the start'),
    ('2027-01-05 09:15:00+00', null, 'the %s joins during the consultation'),
    ('2027-01-05 09:59:59.999999+00', null, 'the %s joins until 30 minutes after the end'),
    ('2027-01-05 10:00:00+00', 'TM940', 'the %s cannot join once the room has closed')
) as v (now, refusal, sentence)
cross join (values ('patient'), ('doctor')) as a (actor);

create function pg_temp.refused_at(p_now timestamptz, p_id uuid)
returns jsonb language plpgsql security definer
as $$
declare
    v_message text;
    v_detail text;
begin
    perform pg_temp.set_clock(p_now);
    perform pg_temp.sign_in('patient');
    perform api.join_consultation(p_id);
    return null;
exception when sqlstate 'TM940' then
    get stacked diagnostics v_message = message_text, v_detail = pg_exception_detail;
    return jsonb_build_object('message', v_message) || v_detail::jsonb;
end;
$$;
select collect_tap(
    is(r.refused ->> 'message', v.message, 'join_consultation: ' || v.sentence),
    is(
        ((r.refused ->> 'opens_at')::timestamptz, (r.refused ->> 'closes_at')::timestamptz),
        (timestamptz '2027-01-05 08:45+00', timestamptz '2027-01-05 10:00+00'),
        'join_consultation: the DETAIL of a refusal has both times'))
from (values
    ('2027-01-05 08:44+00', 'The consultation can be joined from 2027-01-05T08:45:00Z',
     'a refusal that comes too early names the time at which the room opens'),
    ('2027-01-05 10:01+00', 'The consultation could be joined until 2027-01-05T10:00:00Z',
     'a refusal that comes too late names the time at which the room has closed')
) as v (now, message, sentence)
cross join lateral pg_temp.refused_at(v.now::timestamptz, :'booking') as r (refused);

-- Who joins
select pg_temp.set_clock('2027-01-05 09:20:00+00');
set local role telemed_api;
select is(
    pg_temp.refusal(v.actor, format('select api.join_consultation(%L)', v.id)),
    v.refusal, 'join_consultation: ' || v.sentence)
from (values
    ('other_patient', :'booking', 'TM403', 'another patient does not find the consultation'),
    ('other_doctor', :'booking', 'TM403', 'another doctor does not find the consultation'),
    ('patient', :'foreign_booking', 'TM403', 'a patient does not find that of another patient'),
    ('admin', :'booking', 'TM301', 'an admin is refused'),
    ('nobody', :'booking', 'TM101', 'a caller without a context is refused'),
    ('patient', gen_random_uuid()::text, 'TM403', 'an id that does not exist is refused'),
    ('patient', null, 'TM403', 'a null id is refused'),
    ('patient', :'cancelled', 'TM905', 'nobody joins a cancelled consultation'),
    ('doctor', :'completed', 'TM905', 'nobody joins a completed consultation')
) as v (actor, id, refusal, sentence);
select pg_temp.sign_in('patient');
select j.room from api.join_consultation(:'booking') as j \gset
select is(
    (j.consultation_id, j.user_id, j.role, j.full_name, j.room, j.opens_at, j.closes_at),
    (:'booking'::uuid, pg_temp.id_of('patient'), 'patient'::text, 'Patient patient'::text,
     :'room'::text, timestamptz '2027-01-05 08:45+00', timestamptz '2027-01-05 10:00+00'),
    'the patient joins a second time, and is in the same room')
from api.join_consultation(:'booking') as j;
select pg_temp.sign_in('doctor');
select is(
    (j.consultation_id, j.user_id, j.role, j.full_name, j.room, j.opens_at, j.closes_at),
    (:'booking'::uuid, pg_temp.id_of('doctor'), 'doctor'::text, 'Doctor doctor'::text,
     :'room'::text, timestamptz '2027-01-05 08:45+00', timestamptz '2027-01-05 10:00+00'),
    'the doctor joins, and meets the patient in the same room')
from api.join_consultation(:'booking') as j;
select isnt(j.room, :'room', 'the next consultation of the doctor is in another room')
from api.join_consultation(:'foreign_booking') as j;
reset role;
select pg_temp.records_read('join_consultation', 'doctor', format('%L', :'booking'), :'booking');

-- After a reschedule
select pg_temp.set_clock('2027-01-05 08:50:00+00');
set local role telemed_api;
select pg_temp.sign_in('patient');
select c.id from api.reschedule_consultation(:'booking', :'later_slot', 'move') as c \gset
select is(
    pg_temp.refusal('patient', format('select api.join_consultation(%L)', :'booking')), 'TM940',
    'join_consultation: a moved consultation opens before its new start, and not now');
select pg_temp.booking('other_patient', :'slot') as successor \gset
select isnt(j.room, :'room', 'the next consultation in the slot is in another room')
from api.join_consultation(:'successor') as j;
reset role;
select pg_temp.set_clock('2027-01-05 11:00:00+00');
set local role telemed_api;
select pg_temp.sign_in('patient');
select collect_tap(
    isnt(j.room, :'room', 'a moved consultation is in another room'),
    is((j.opens_at, j.closes_at),
        (timestamptz '2027-01-05 10:45+00', timestamptz '2027-01-05 12:00+00'),
        'the room of a moved consultation is open at its new time'))
from api.join_consultation(:'booking') as j;

-- The event
select pg_temp.open_slot('doctor', '2027-01-05 12:00:00+00') as joined_slot \gset
select pg_temp.booking('patient', :'joined_slot') as joined \gset
select is(
    pg_temp.refusal('patient', format('select api.join_consultation(%L)', :'joined')), 'TM940',
    'a patient comes too early');
reset role;
select pg_temp.set_clock('2027-01-05 12:00:00+00');
set local role telemed_api;
select pg_temp.sign_in('patient');
select room from api.join_consultation(:'joined') \g /dev/null
select pg_temp.sign_in('doctor');
select room from api.join_consultation(:'joined') \g /dev/null
reset role;
select results_eq(
    format(
        $$
        select e.user_id, e.slot_id, e.doctor_id, e.patient_id, e.data, e.cause::text
        from app.events as e
        where e.consultation_id = %L and e.type = 'consultation.joined'
        order by e.sequence_number
        $$,
        :'joined'),
    format(
        $$
        values
        (%1$L::uuid, %3$L::uuid, %2$L::uuid, %1$L::uuid, '{"role": "patient"}'::jsonb,
         'join_consultation'),
        (%2$L, %3$L, %2$L, %1$L, '{"role": "doctor"}', 'join_consultation')
        $$,
        pg_temp.id_of('patient'), pg_temp.id_of('doctor'), :'joined_slot'),
    'join_consultation: each join is an event with its caller, and a refusal is not');

-- Another window
reset role;
select ops.set_video_window('1 hour', '0') \g /dev/null
select is(
    pg_temp.refusal_at(v.now::timestamptz, 'patient', :'booking'), v.refusal, v.sentence)
from (values
    ('2027-01-05 10:00:00+00', null, 'a longer lead lets a patient join earlier'),
    ('2027-01-05 11:30:00+00', 'TM940', 'without a grace a room closes at the end')
) as v (now, refusal, sentence);

reset role;
select is_empty(
    $$ select l.id from app.access_logs as l inner join actor as a on a.id = l.user_id
       where l.operation = 'join_consultation' and a.name !~ 'doctor' $$,
    'join_consultation: the access log does not have the joins of patients');

select * from finish();
rollback;
