begin;
\ir ../helpers/actors.psql
select plan(24);

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
    'the history tells what happened, who did it, and how things stood then');
select is(
    (select array_agg(h.id order by h.id) from api.consultation_history(:'booking') as h),
    (select array_agg(h.id) from api.consultation_history(:'booking') as h), 'the oldest first');
select cmp_ok(
    (select count(*) from api.consultation_history(:'booking') as h
     where h.occurred_at between clock_timestamp() - interval '1 minute' and clock_timestamp()),
    '=', 3::bigint, 'with the time at which it really happened');
select pg_temp.sign_in('other_patient');
select is(
    array_agg(array[h.event, h.role]), '{{booked,patient},{completed,doctor}}',
    'another consultation has a history of its own')
from api.consultation_history(:'completed') as h;

-- For whom
select is(
    pg_temp.refusal(v.actor, format(
        'select api.consultation_history(%L)', v.id)),
    v.refusal, v.sentence)
from (values
    ('patient', :'booking', null, 'its patient may read the history'),
    ('doctor', :'booking', null, 'its doctor may read it'),
    ('admin', :'booking', null, 'an admin may read it'),
    ('other_patient', :'booking', 'TM403', 'to another patient it is not there'),
    ('other_doctor', :'booking', 'TM403', 'nor to another doctor'),
    ('nobody', :'booking', 'TM101', 'nobody reads it without signing in'),
    ('admin', gen_random_uuid()::text, 'TM403', 'what does not exist has no history'),
    ('admin', null, 'TM403', 'nor has nothing')
) as v (actor, id, refusal, sentence);

-- What others did
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
    'what was written past the functions stands in the history, too')
from api.consultation_history(:'direct') as h;

-- What is no event
reset role;
update app.consultations set status = 'scheduled' where id = :'direct';
alter table app.consultations disable trigger consultations_change_only_as_permitted;
update app.consultations set reason = 'A reason that was mended' where id = :'direct';
alter table app.consultations enable trigger consultations_change_only_as_permitted;
select is(
    (select count(*) from app.audit_logs as l where l.row_id = :'direct'), 3::bigint,
    'changes of other columns stand in the audit trail');
set local role telemed_api;
select is(array_agg(h.event), '{booked}', 'but are no part of the history')
from api.consultation_history(:'direct') as h;
select is(array_agg(h.event), '{booked}', 'and take no place on its pages')
from api.consultation_history(:'direct', p_limit => 1) as h;

-- Page by page
select is(
    pg_temp.all_pages(format(
        'api.consultation_history(%L, p_limit => %s, p_cursor => %%L)', :'booking', n)),
    (select array_agg(h.id::text) from api.consultation_history(:'booking') as h),
    'pages of ' || n || ' show everything once')
from unnest(array[1, 2, 3, 1000]) as n;
select is(count(*), 2::bigint, 'a page has no more rows than asked for')
from api.consultation_history(:'booking', p_limit => 2);
select is(
    pg_temp.refusal('patient', format(
        'select api.consultation_history(%L, p_limit => %L)', :'booking', v.n)),
    'TM201 limit', v.sentence)
from (values
    (0, 'a page of nothing is refused'),
    (1001, 'a page has at most 1000 rows'),
    (null, 'a page has an end')
) as v (n, sentence);

select * from finish();
rollback;
