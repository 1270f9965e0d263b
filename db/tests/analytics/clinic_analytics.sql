begin;
\ir ../helpers/actors.psql
select plan(41);

-- An empty clinic
select pg_temp.sign_in('admin');
select collect_tap(
    is(m.users, 5::bigint, 'an admin sees how many accounts there are'),
    is(m.patients, 2::bigint, 'how many are patients'),
    is(m.doctors, 2::bigint, 'how many are doctors'),
    is(m.consultations, 0::bigint, 'before the first booking there are no consultations'),
    is((m.scheduled_consultations, m.completed_consultations, m.cancelled_consultations),
       (0::bigint, 0::bigint, 0::bigint), 'of no status'),
    is((m.prescriptions, m.payments, m.refunds), (0::bigint, 0::bigint, 0::bigint),
        'nor what follows them'),
    is(m.revenue, '{}', 'no money'),
    is(m.daily, '{}', 'and no day with anything on it'))
from api.clinic_analytics() as m;

-- Five consultations on two days in UTC
select pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00') as slot_1 \gset
select pg_temp.open_slot('doctor', '2027-01-05 23:30:00+00') as slot_2 \gset
select pg_temp.open_slot('doctor', '2027-01-06 00:00:00+00') as slot_3 \gset
select pg_temp.open_slot('other_doctor', '2027-01-06 10:00:00+00') as slot_4 \gset
select pg_temp.open_slot('doctor', '2027-01-08 10:00:00+00') as slot_5 \gset
reset role;
update app.doctors set currency = 'JPY',
fee_minor = 900 where user_id = pg_temp.id_of('other_doctor');
set local role telemed_api;
select pg_temp.booking('patient', :'slot_1') as completed_1 \gset
select pg_temp.booking('patient', :'slot_2') as cancelled \gset
select pg_temp.booking('patient', :'slot_3') as completed_2 \gset
select pg_temp.booking('other_patient', :'slot_4') as scheduled_1 \gset
select pg_temp.booking('other_patient', :'slot_5') as scheduled_2 \gset
select pg_temp.sign_in('doctor');
select api.complete_consultation(:'completed_1'),
api.complete_consultation(:'completed_2') \g /dev/null
select api.issue_prescription(:'completed_1',
'[{"drug": "Ibuprofen", "dosage": "400 mg"}]') \g /dev/null
select pg_temp.sign_in('admin');
select api.cancel_consultation(:'cancelled') \g /dev/null
select id as payment from api.record_payment(:'completed_1', 5000, 'EUR', 'card', null, null,
'pay-1') \gset
select api.record_payment(:'scheduled_1', 900, 'JPY', 'cash', null, null, 'pay-2') \g /dev/null
reset role;
select pg_temp.set_clock('2027-01-06 09:00:00+00');
set local role telemed_api;
select api.record_payment(:'completed_2', 3000, 'EUR', 'card', null, null, 'pay-3') \g /dev/null
select api.refund_payment(:'payment', 1500, null, 'refund-1') \g /dev/null
select pg_temp.sign_in('doctor');
select api.issue_prescription(:'completed_2',
'[{"drug": "Ibuprofen", "dosage": "400 mg"}]') \g /dev/null

-- All of it
select pg_temp.sign_in('admin');
select collect_tap(
    is(m.consultations, 5::bigint, 'all consultations are counted'),
    is(m.scheduled_consultations, 2::bigint, 'those that are scheduled'),
    is(m.completed_consultations, 2::bigint, 'those that are completed'),
    is(m.cancelled_consultations, 1::bigint, 'those that are cancelled'),
    is(m.prescriptions, 2::bigint, 'all prescriptions'),
    is(m.payments, 3::bigint, 'all payments'),
    is(m.refunds, 1::bigint, 'and all refunds'),
    is(m.revenue,
       array[('EUR', 8000, 1500, 6500), ('JPY', 900, 0, 900)]::api.revenue[],
       'money is summed up by currency, never across currencies'),
    is(m.daily,
       array[
           ('2027-01-04', 0, 0, 0, 2), ('2027-01-05', 2, 1, 1, 0), ('2027-01-06', 2, 1, 0, 1),
           ('2027-01-08', 1, 0, 0, 0)]::api.daily_metrics[],
       'each day in UTC on which something happened has its figures, in order'))
from api.clinic_analytics() as m;

-- A range of time
select collect_tap(
    is(m.consultations, 2::bigint, 'a day has its consultations'),
    is((m.scheduled_consultations, m.completed_consultations, m.cancelled_consultations),
       (1::bigint, 1::bigint, 0::bigint), 'by status'),
    is((m.prescriptions, m.payments, m.refunds), (1::bigint, 1::bigint, 1::bigint),
       'its prescriptions, payments and refunds'),
    is(m.revenue, array[('EUR', 3000, 1500, 1500)]::api.revenue[], 'its money'),
    is(m.daily, array[('2027-01-06', 2, 1, 0, 1)]::api.daily_metrics[], 'and is one day'),
    is((m.users, m.patients, m.doctors), (0::bigint, 0::bigint, 0::bigint),
        'on which nobody joined'))
from api.clinic_analytics('2027-01-06 00:00:00+00', '2027-01-07 00:00:00+00') as m;
select is(m.consultations, v.consultations, v.sentence)
from (values
    ('2027-01-06 00:00:00+00'::timestamptz, null::timestamptz, 3::bigint,
     'a range without an end goes on for ever'),
    (null, '2027-01-06 00:00:00+00', 2::bigint, 'a range without a beginning has begun always'),
    ('2027-01-06 00:00:00+00', '2027-01-06 00:00:00.000001+00', 1::bigint,
     'the beginning belongs to the range'),
    ('2027-01-05 23:30:00.000001+00', '2027-01-06 00:00:00+00', 0::bigint, 'its end does not'),
    ('-infinity', 'infinity', 5::bigint, 'all of time has all consultations'))
    as v (p_from, p_to, consultations, sentence)
cross join lateral api.clinic_analytics(v.p_from, v.p_to) as m;
select is(
    (m.users, m.prescriptions, m.payments, m.refunds,
        (select coalesce(sum(d.payments), 0) from unnest(m.daily) as d)),
    v.figures, v.sentence)
from (values
    ('2027-01-04 08:00:00+00'::timestamptz, '2027-01-04 08:00:00.000001+00'::timestamptz,
     (5::bigint, 1::bigint, 2::bigint, 0::bigint, 2::numeric),
     'who joins, pays or gets a prescription as a range begins belongs to it'),
    ('2027-01-04 07:00:00+00', '2027-01-04 08:00:00+00',
     (0::bigint, 0::bigint, 0::bigint, 0::bigint, 0::numeric), 'as it ends, no more'),
    ('2027-01-06 09:00:00+00', '2027-01-06 09:00:00.000001+00',
     (0::bigint, 1::bigint, 1::bigint, 1::bigint, 1::numeric), 'so does a refund'),
    ('2027-01-06 08:00:00+00', '2027-01-06 09:00:00+00',
     (0::bigint, 0::bigint, 0::bigint, 0::bigint, 0::numeric), 'unless the range ends then'))
    as v (p_from, p_to, figures, sentence)
cross join lateral api.clinic_analytics(v.p_from, v.p_to) as m;
select is(
    (select sum(d.consultations) from unnest((api.clinic_analytics()).daily) as d),
    (api.clinic_analytics()).consultations::numeric, 'the days add up to the whole');

-- Refusals
select throws_ok(
    format('select api.clinic_analytics(%L, %L)', v.p_from, v.p_to), 'TM202', null, v.sentence)
from (values
    ('2027-01-06 00:00:00+00', '2027-01-05 00:00:00+00', 'a range does not end before it begins'),
    ('2027-01-06 00:00:00+00', '2027-01-06 00:00:00+00', 'nor as it begins'),
    ('infinity', null, 'nothing begins at the end of time')) as v (p_from, p_to, sentence);

-- Who may not
select pg_temp.sign_in('doctor');
select throws_ok(
    'select api.clinic_analytics()', 'TM301', null, 'a doctor does not see the figures');
select pg_temp.sign_in('patient');
select throws_ok('select api.clinic_analytics()', 'TM301', null, 'nor does a patient');
select pg_temp.sign_in('nobody');
select throws_ok('select api.clinic_analytics()', 'TM101', null, 'nor does nobody');
select throws_ok(
    $$ select api.clinic_analytics('infinity') $$, 'TM101', null, 'whatever they ask');
reset role;
update app.users set deactivated_at = app.clock() where id = pg_temp.id_of('admin');
set local role telemed_api;
select pg_temp.sign_in('admin');
select throws_ok('select api.clinic_analytics()', 'TM102', null, 'nor does an admin who has left');

select * from finish();
rollback;
