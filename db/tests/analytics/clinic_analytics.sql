begin;
\ir ../helpers/actors.psql
select plan(41);

-- An empty clinic
select pg_temp.sign_in('admin');
select collect_tap(
    is(m.users, 5::bigint, 'clinic_analytics counts all accounts'),
    is(m.patients, 2::bigint, 'clinic_analytics counts the patients'),
    is(m.doctors, 2::bigint, 'clinic_analytics counts the doctors'),
    is(m.consultations, 0::bigint,
        'clinic_analytics counts no consultations before the first booking'),
    is((m.scheduled_consultations, m.completed_consultations, m.cancelled_consultations),
       (0::bigint, 0::bigint, 0::bigint),
       'clinic_analytics counts no consultation of any status before the first booking'),
    is((m.prescriptions, m.payments, m.refunds), (0::bigint, 0::bigint, 0::bigint),
        'clinic_analytics counts no prescriptions, payments or refunds before the first booking'),
    is(m.revenue, '{}', 'clinic_analytics has no revenue before the first payment'),
    is(m.daily, '{}', 'clinic_analytics has no day before the first booking'))
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

-- Without a range
select pg_temp.sign_in('admin');
select collect_tap(
    is(m.consultations, 5::bigint, 'clinic_analytics counts all consultations'),
    is(m.scheduled_consultations, 2::bigint, 'clinic_analytics counts the scheduled consultations'),
    is(m.completed_consultations, 2::bigint, 'clinic_analytics counts the completed consultations'),
    is(m.cancelled_consultations, 1::bigint, 'clinic_analytics counts the cancelled consultations'),
    is(m.prescriptions, 2::bigint, 'clinic_analytics counts all prescriptions'),
    is(m.payments, 3::bigint, 'clinic_analytics counts all payments'),
    is(m.refunds, 1::bigint, 'clinic_analytics counts all refunds'),
    is(m.revenue,
       array[('EUR', 8000, 1500, 6500), ('JPY', 900, 0, 900)]::api.revenue[],
       'clinic_analytics sums up revenue by currency, never across currencies'),
    is(m.daily,
       array[
           ('2027-01-04', 0, 0, 0, 2), ('2027-01-05', 2, 1, 1, 0), ('2027-01-06', 2, 1, 0, 1),
           ('2027-01-08', 1, 0, 0, 0)]::api.daily_metrics[],
       'clinic_analytics has the days in UTC with a consultation or a payment, in order'))
from api.clinic_analytics() as m;

-- A range of time
select collect_tap(
    is(m.consultations, 2::bigint, 'a range of one day counts the consultations of that day'),
    is((m.scheduled_consultations, m.completed_consultations, m.cancelled_consultations),
       (1::bigint, 1::bigint, 0::bigint), 'a range of one day counts its consultations by status'),
    is((m.prescriptions, m.payments, m.refunds), (1::bigint, 1::bigint, 1::bigint),
       'a range of one day counts its prescriptions, payments and refunds'),
    is(m.revenue, array[('EUR', 3000, 1500, 1500)]::api.revenue[],
        'a range of one day has the revenue of that day'),
    is(m.daily, array[('2027-01-06', 2, 1, 0, 1)]::api.daily_metrics[],
        'a range of one day has the figures of one day'),
    is((m.users, m.patients, m.doctors), (0::bigint, 0::bigint, 0::bigint),
        'a range of one day counts no account that was created before it'))
from api.clinic_analytics('2027-01-06 00:00:00+00', '2027-01-07 00:00:00+00') as m;
select is(m.consultations, v.consultations, v.sentence)
from (values
    ('2027-01-06 00:00:00+00'::timestamptz, null::timestamptz, 3::bigint,
     'a range without an end counts all later consultations'),
    (null, '2027-01-06 00:00:00+00', 2::bigint,
     'a range without a start counts all earlier consultations'),
    ('2027-01-06 00:00:00+00', '2027-01-06 00:00:00.000001+00', 1::bigint,
     'a range includes a consultation that begins at its start'),
    ('2027-01-05 23:30:00.000001+00', '2027-01-06 00:00:00+00', 0::bigint,
     'a range excludes a consultation that begins at its end'),
    ('-infinity', 'infinity', 5::bigint,
     'a range from -infinity to infinity counts all consultations'))
    as v (p_from, p_to, consultations, sentence)
cross join lateral api.clinic_analytics(v.p_from, v.p_to) as m;
select is(
    (m.users, m.prescriptions, m.payments, m.refunds,
        (select coalesce(sum(d.payments), 0) from unnest(m.daily) as d)),
    v.figures, v.sentence)
from (values
    ('2027-01-04 08:00:00+00'::timestamptz, '2027-01-04 08:00:00.000001+00'::timestamptz,
     (5::bigint, 1::bigint, 2::bigint, 0::bigint, 2::numeric),
     'a range includes accounts, prescriptions and payments of the instant of its start'),
    ('2027-01-04 07:00:00+00', '2027-01-04 08:00:00+00',
     (0::bigint, 0::bigint, 0::bigint, 0::bigint, 0::numeric),
     'a range excludes accounts, prescriptions and payments of the instant of its end'),
    ('2027-01-06 09:00:00+00', '2027-01-06 09:00:00.000001+00',
     (0::bigint, 1::bigint, 1::bigint, 1::bigint, 1::numeric),
     'a range includes a refund of the instant of its start'),
    ('2027-01-06 08:00:00+00', '2027-01-06 09:00:00+00',
     (0::bigint, 0::bigint, 0::bigint, 0::bigint, 0::numeric),
     'a range excludes a refund of the instant of its end'))
    as v (p_from, p_to, figures, sentence)
cross join lateral api.clinic_analytics(v.p_from, v.p_to) as m;
select is(
    (select sum(d.consultations) from unnest((api.clinic_analytics()).daily) as d),
    (api.clinic_analytics()).consultations::numeric,
    'the consultations of all days add up to the number of consultations');

-- Refusals
select throws_ok(
    format('select api.clinic_analytics(%L, %L)', v.p_from, v.p_to), 'TM202', null, v.sentence)
from (values
    ('2027-01-06 00:00:00+00', '2027-01-05 00:00:00+00',
     'clinic_analytics: a range that ends before it begins is refused'),
    ('2027-01-06 00:00:00+00', '2027-01-06 00:00:00+00',
     'clinic_analytics: a range of length zero is refused'),
    ('infinity', null,
     'clinic_analytics: a start at infinity is refused')) as v (p_from, p_to, sentence);

-- Callers that are refused
select pg_temp.sign_in('doctor');
select throws_ok(
    'select api.clinic_analytics()', 'TM301', null, 'a doctor cannot call clinic_analytics');
select pg_temp.sign_in('patient');
select throws_ok('select api.clinic_analytics()', 'TM301', null,
    'a patient cannot call clinic_analytics');
select pg_temp.sign_in('nobody');
select throws_ok('select api.clinic_analytics()', 'TM101', null,
    'an unauthenticated caller cannot call clinic_analytics');
select throws_ok(
    $$ select api.clinic_analytics('infinity') $$, 'TM101', null,
        'clinic_analytics checks the caller before the range');
reset role;
update app.users set deactivated_at = app.clock() where id = pg_temp.id_of('admin');
set local role telemed_api;
select pg_temp.sign_in('admin');
select throws_ok('select api.clinic_analytics()', 'TM102', null,
    'a deactivated admin cannot call clinic_analytics');

select * from finish();
rollback;
