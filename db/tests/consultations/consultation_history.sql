begin;
\ir ../helpers/actors.psql
select plan(28);

select pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00') as slot \gset
select pg_temp.open_slot('doctor', '2027-01-05 10:00:00+00', 45) as second_slot \gset
select pg_temp.open_slot('doctor', '2027-01-05 11:00:00+00') as third_slot \gset
select pg_temp.booking('patient', :'slot') as booking \gset
select pg_temp.booking('other_patient', :'third_slot') as completed \gset
select pg_temp.sign_in('patient');
select status from api.reschedule_consultation(:'booking', :'second_slot', 'move') \gset
select pg_temp.sign_in('admin');
select status from api.cancel_consultation(:'booking', 'The doctor is ill') \gset
select pg_temp.sign_in('doctor');
select status from api.complete_consultation(:'completed') \gset

-- The permitted path
select pg_temp.sign_in('patient');
select results_eq(
    format(
        'select event, user_id, role, status, slot_id, starts_at, ends_at '
        'from api.consultation_history(%L)',
        :'booking'),
    format(
        $$values
          ('booked', %1$L::uuid, 'patient', 'scheduled', %3$L::uuid,
           timestamptz '2027-01-05 09:00+00', timestamptz '2027-01-05 09:30+00'),
          ('rescheduled', %1$L, 'patient', 'scheduled', %4$L,
           '2027-01-05 10:00+00', '2027-01-05 10:45+00'),
          ('cancelled', %2$L, 'admin', 'cancelled', %4$L,
           '2027-01-05 10:00+00', '2027-01-05 10:45+00')$$,
        pg_temp.id_of('patient'), pg_temp.id_of('admin'), :'slot', :'second_slot'),
    'a history shows each event, its actor and the consultation after the event');
select is(
    (select array_agg(h.id order by h.id) from api.consultation_history(:'booking') as h),
    (select array_agg(h.id) from api.consultation_history(:'booking') as h),
    'a history begins with the oldest event');
select cmp_ok(
    (select count(*) from api.consultation_history(:'booking') as h
     where h.occurred_at between clock_timestamp() - interval '1 minute' and clock_timestamp()),
    '=', 3::bigint, 'an event has the time of the server''s clock');
select pg_temp.sign_in('other_patient');
select is(
    array_agg(array[h.event, h.role]), '{{booked,patient},{completed,doctor}}',
    'each consultation has its own history')
from api.consultation_history(:'completed') as h;

-- Callers
select is(
    pg_temp.refusal(v.actor, format(
        'select api.consultation_history(%L)', v.id)),
    v.refusal, v.sentence)
from (values
    ('patient', :'booking', null, 'the patient can read the history of a consultation'),
    ('doctor', :'booking', null, 'the doctor can read the history of a consultation'),
    ('admin', :'booking', null, 'an admin can read the history of a consultation'),
    ('other_patient', :'booking', 'TM403',
     'consultation_history: a consultation of another patient is reported as not found'),
    ('other_doctor', :'booking', 'TM403',
     'consultation_history: a consultation of another doctor is reported as not found'),
    ('nobody', :'booking', 'TM101', 'an unauthenticated caller cannot read a history'),
    ('admin', gen_random_uuid()::text, 'TM403',
     'consultation_history: an id that does not exist is refused'),
    ('admin', null, 'TM403', 'consultation_history: a null id is refused')
) as v (actor, id, refusal, sentence);

-- Direct writes
reset role;
select pg_temp.open_slot('doctor', '2027-01-06 09:00:00+00') as direct_slot \gset
select pg_temp.sign_in('nobody');
insert into app.consultations
    (slot_id, doctor_id, patient_id, starts_at, ends_at, fee_minor, currency)
values (
    :'direct_slot', pg_temp.id_of('doctor'), pg_temp.id_of('patient'), now(), now(), 5000, 'EUR')
returning id as direct \gset
set local role telemed_api;
select pg_temp.sign_in('patient');
select is(
    (h.event, h.user_id, h.role), ('booked'::text, null::uuid, null::text),
    'a history shows a booking that was written directly, without an actor')
from api.consultation_history(:'direct') as h;

-- Changes that are not events
reset role;
update app.consultations set status = 'scheduled' where id = :'direct';
alter table app.consultations disable trigger consultations_change_only_as_permitted;
update app.consultations set reason = 'A reason that was mended' where id = :'direct';
alter table app.consultations enable trigger consultations_change_only_as_permitted;
select is(
    (select count(*) from app.audit_logs as l where l.row_id = :'direct'), 3::bigint,
    'the audit log has changes of all columns of a consultation');
set local role telemed_api;
select is(array_agg(h.event), '{booked}',
    'a history leaves out changes of columns other than the status and the slot')
from api.consultation_history(:'direct') as h;
select is(array_agg(h.event), '{booked}',
    'changes that a history leaves out take no place on its pages')
from api.consultation_history(:'direct', p_limit => 1) as h;

-- Pages
select is(
    pg_temp.all_pages(format(
        'api.consultation_history(%L, p_limit => %s, p_cursor => %%L)', :'booking', n)),
    (select array_agg(h.id::text) from api.consultation_history(:'booking') as h),
    'pages of ' || n || ' show every event once')
from unnest(array[1, 2, 3, 1000]) as n;
select is(count(*), 2::bigint, 'consultation_history returns at most p_limit rows')
from api.consultation_history(:'booking', p_limit => 2);
select is(
    pg_temp.refusal('patient', format(
        'select api.consultation_history(%L, p_limit => %L)', :'booking', v.n)),
    'TM201 limit', v.sentence)
from (values
    (0, 'consultation_history: a limit of 0 is refused'),
    (1001, 'consultation_history: a limit of 1001 is refused'),
    (null, 'consultation_history: a null limit is refused')
) as v (n, sentence);

-- The other order
select pg_temp.sign_in('patient');
select is(
    pg_temp.all_pages(format(
        'api.consultation_history(%L, p_order => ''-occurred_at'', p_limit => 1, p_cursor => %%L)', :'booking')),
    (select array_agg(r.id::text order by r.ordinality desc)
     from api.consultation_history(:'booking', p_limit => 1000) with ordinality as r),
    'consultation_history: -occurred_at reverses the list');
select pg_temp.cursor_after(
    'patient', format('api.consultation_history(%L, p_order => ''-occurred_at'', p_limit => 1)', :'booking')) as reversed
\gset
select is(
    pg_temp.refusal('patient', format(
        'select api.consultation_history(%L, p_order => %L, p_cursor => %L)', :'booking', v.in_order, v.cursor)),
    v.refusal, v.sentence)
from (values
    ('-occurred_at', :'reversed', null, 'consultation_history: a cursor is accepted in its own order'),
    ('occurred_at', :'reversed', 'TM201 cursor',
     'consultation_history: a cursor of the other order is refused'),
    ('id', null, 'TM201 order', 'consultation_history: an order that does not exist is refused')
) as v (in_order, cursor, refusal, sentence);

select * from finish();
rollback;
