begin;
\ir ../helpers/actors.psql
select plan(69);

-- The series as text: day, consultations, completed, cancelled, payments
create function pg_temp.days(p_series api.period_metrics[])
returns text[] language sql
as $$
    select array(
        select concat_ws(' ', s.starts_on, s.consultations, s.completed_consultations,
            s.cancelled_consultations, s.payments)
        from unnest(p_series) with ordinality as s order by s.ordinality)
$$;

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
    is((m.series, m.by_specialty, m.by_doctor)::text, '({},{},{})',
        'clinic_analytics has no day, specialty or doctor before the first slot'))
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
       array[('EUR', 2, 8000, 1500, 6500), ('JPY', 0, 900, 0, 900)]::api.revenue[],
       'clinic_analytics sums up revenue by currency, never across currencies'),
    is(pg_temp.days(m.series),
       array['2027-01-04 0 0 0 2', '2027-01-05 2 1 1 0', '2027-01-06 2 1 0 1', '2027-01-08 1 0 0 0'],
       'clinic_analytics has the days in UTC with a consultation or a payment, in order'))
from api.clinic_analytics() as m;

-- A range of time
select collect_tap(
    is(m.consultations, 2::bigint, 'a range of one day counts the consultations of that day'),
    is((m.scheduled_consultations, m.completed_consultations, m.cancelled_consultations),
       (1::bigint, 1::bigint, 0::bigint), 'a range of one day counts its consultations by status'),
    is((m.prescriptions, m.payments, m.refunds), (1::bigint, 1::bigint, 1::bigint),
       'a range of one day counts its prescriptions, payments and refunds'),
    is(m.revenue, array[('EUR', 2, 3000, 1500, 1500)]::api.revenue[],
        'a range of one day has the revenue of that day'),
    is(pg_temp.days(m.series), array['2027-01-06 2 1 0 1'],
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
        (select coalesce(sum(d.payments), 0) from unnest(m.series) as d)),
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
    (select sum(d.consultations) from unnest((api.clinic_analytics()).series) as d),
    (api.clinic_analytics()).consultations::numeric,
    'the consultations of all days add up to the number of consultations');

-- Time, specialties and doctors
select collect_tap(
    is((m.offered_seconds, m.booked_seconds, m.utilisation), (9000::bigint, 7200::bigint, 0.8),
        'clinic_analytics: offered time is that of open and booked slots'),
    is(m.by_doctor,
        array[
            (pg_temp.id_of('doctor'), 'Doctor doctor', 'Cardiology', 4, 1, 2, 1, 7200, 5400, 0.75,
             2, 1, array[('EUR', 2, 8000, 1500, 6500)::api.revenue]),
            (pg_temp.id_of('other_doctor'), 'Doctor other_doctor', 'Dermatology', 1, 1, 0, 0, 1800,
             1800, 1, 1, 0, array[('JPY', 0, 900, 0, 900)::api.revenue])]::api.doctor_metrics[],
        'clinic_analytics: each doctor has their figures, in the order of their names'),
    is(m.by_specialty,
        array[
            ('cardiology', 'Cardiology', 4, 1, 2, 1, 7200, 5400, 0.75, 2, 1,
             array[('EUR', 2, 8000, 1500, 6500)::api.revenue]),
            ('dermatology', 'Dermatology', 1, 1, 0, 0, 1800, 1800, 1, 1, 0,
             array[('JPY', 0, 900, 0, 900)::api.revenue])]::api.specialty_metrics[],
        'clinic_analytics: each specialty has the figures of its doctors'),
    is((select string_agg(s.revenue::text, ' ' order by s.starts_on) from unnest(m.series) as s
        where s.payments > 0),
        '{"(EUR,2,5000,0,5000)","(JPY,0,900,0,900)"} {"(EUR,2,3000,1500,1500)"}',
        'clinic_analytics: each day has its revenue by currency'))
from api.clinic_analytics() as m;

-- Time zones and weeks
select is(
    pg_temp.days((api.clinic_analytics(p_bucket => v.bucket, p_time_zone => v.time_zone)).series),
    v.days, v.sentence)
from (values
    ('day', 'Asia/Kathmandu',
     array['2027-01-04 0 0 0 2', '2027-01-05 1 1 0 0', '2027-01-06 3 1 1 1', '2027-01-08 1 0 0 0'],
     'clinic_analytics: the days of a zone with an offset of 5:45 begin at its midnight'),
    ('day', 'America/St_Johns',
     array['2027-01-04 0 0 0 2', '2027-01-05 3 2 1 0', '2027-01-06 1 0 0 1', '2027-01-08 1 0 0 0'],
     'clinic_analytics: the days of a zone with an offset of -3:30 begin at its midnight'),
    ('week', 'UTC', array['2027-01-04 5 2 1 3'],
     'clinic_analytics: a week begins on a Monday'),
    ('week', 'Pacific/Pago_Pago', array['2026-12-28 0 0 0 2', '2027-01-04 5 2 1 1'],
     'clinic_analytics: the week of a zone begins on its Monday')
) as v (bucket, time_zone, days, sentence);

-- The same figures from the sums, from the audit log and from the rows
reset role;
create function pg_temp.truth(p_from timestamptz, p_to timestamptz, p_bucket text, p_time_zone text)
returns text[] language sql security definer
as $$
    select array(
        select concat_ws(' ', date_trunc(p_bucket, r.at at time zone p_time_zone)::date,
            sum(r.n), sum(r.completed), sum(r.cancelled), sum(r.payments))
        from (
            select c.starts_at as at, 1 as n, (c.status = 'completed')::integer as completed,
                (c.status = 'cancelled')::integer as cancelled, 0 as payments
            from app.consultations as c
            union all
            select s.starts_at, 0, 0, 0, 0 from app.availability_slots as s where s.status = 'open'
            union all
            select p.created_at, 0, 0, 0, (p.kind = 'payment')::integer from app.payments as p
        ) as r
        where r.at >= p_from and r.at < p_to
        group by date_trunc(p_bucket, r.at at time zone p_time_zone)
        order by date_trunc(p_bucket, r.at at time zone p_time_zone))
$$;
create function pg_temp.wrong()
returns setof text language sql
as $$
    select concat_ws(' ', f.at, t.at, b.bucket, b.time_zone, m.days)
    from unnest(array['-infinity', '2027-01-04 08:00', '2027-01-05 23:20', '2027-01-05 23:30',
        '2027-01-06 00:00:00.000001']::timestamptz[]) as f (at)
    cross join unnest(array['infinity', '2027-01-05 23:31', '2027-01-06 00:00',
        '2027-01-08 10:07']::timestamptz[]) as t (at)
    cross join (values ('day', 'UTC'), ('week', 'UTC'), ('day', 'Asia/Kathmandu'))
        as b (bucket, time_zone)
    cross join lateral (
        select pg_temp.days(a.series) as days, a.consultations,
            (select sum(d.consultations) from unnest(a.by_doctor) as d) as of_doctors
        from api.clinic_analytics(f.at, t.at, b.bucket, b.time_zone) as a
    ) as m
    where f.at < t.at
      and (m.days <> pg_temp.truth(f.at, t.at, b.bucket, b.time_zone)
           or m.consultations <> coalesce(m.of_doctors, 0))
$$;
create function pg_temp.fold()
returns bigint language plpgsql security definer
as $$
begin
    perform ops.seal_audit(10000000, '1 minute');
    return ops.fold_activity(10000000);
end;
$$;
set local role telemed_api;
set local timezone = 'UTC';
select pg_temp.sign_in('admin');
select is_empty('select pg_temp.wrong()',
    'clinic_analytics: every range has the figures of its rows before a fold');
select api.clinic_analytics()::text as unfolded \gset
select pg_temp.fold() as folded \gset
select cmp_ok(:folded, '>', 0, 'clinic_analytics: the changes are folded');
select pg_temp.sign_in('admin');
select is_empty('select pg_temp.wrong()',
    'clinic_analytics: every range has the figures of its rows after a fold');
select is(api.clinic_analytics()::text, :'unfolded', 'clinic_analytics: a fold changes no figure');
select pg_temp.sign_in('doctor');
select api.complete_consultation(:'scheduled_2') \g /dev/null
select pg_temp.sign_in('admin');
select api.cancel_consultation(:'scheduled_1') \g /dev/null
select api.record_payment(:'scheduled_2', 100, 'EUR', 'card', null, null, 'pay-4') \g /dev/null
select is_empty('select pg_temp.wrong()',
    'clinic_analytics: changes after a fold are counted at once');
select is(
    (m.scheduled_consultations, m.completed_consultations, m.cancelled_consultations,
     m.booked_seconds, m.offered_seconds, m.payments),
    (0::bigint, 3::bigint, 2::bigint, 5400::bigint, 9000::bigint, 4::bigint),
    'clinic_analytics: a late completion, cancellation and payment move the figures')
from api.clinic_analytics() as m;
select pg_temp.fold() \g /dev/null
select pg_temp.sign_in('admin');
select is_empty('select pg_temp.wrong()',
    'clinic_analytics: every range has the figures of its rows after a second fold');

-- A reschedule to another day, and days on which clocks change
select pg_temp.open_slot('doctor', '2027-02-01 10:00:00+00') as from_slot,
    pg_temp.open_slot('doctor', '2027-02-02 10:00:00+00') as to_slot \gset
select pg_temp.booking('patient', :'from_slot') as moved \gset
select pg_temp.booking('patient', pg_temp.open_slot('doctor', t)) from unnest(array[
    timestamptz '2027-03-27 22:30+00', '2027-03-27 23:00+00', '2027-03-28 21:30+00',
    '2027-03-28 22:00+00', '2027-10-30 21:30+00', '2027-10-30 22:00+00', '2027-10-31 22:30+00',
    '2027-10-31 23:00+00']) as t \g /dev/null
select pg_temp.fold() \g /dev/null
select pg_temp.sign_in('patient');
select api.reschedule_consultation(:'moved', :'to_slot', 'move') \g /dev/null
select pg_temp.sign_in('admin');
create function pg_temp.days_in(p_from timestamptz, p_to timestamptz, p_time_zone text)
returns text language sql
as $$
    select pg_temp.days((api.clinic_analytics(p_from, p_to, 'day', p_time_zone)).series)::text
$$;
create temp view moved_and_changed as
select
    pg_temp.days_in('2027-02-01 00:00+00', '2027-02-03 00:00+00', 'UTC') as moved,
    pg_temp.days_in('2027-03-01 00:00+00', '2027-04-01 00:00+00', 'Europe/Berlin') as spring,
    pg_temp.days_in('2027-10-01 00:00+00', '2027-12-01 00:00+00', 'Europe/Berlin') as autumn;
select is(
    d.moved, '{"2027-02-01 0 0 0 0","2027-02-02 1 0 0 0"}',
    'clinic_analytics: a rescheduled consultation counts on its new day, its old slot is offered')
from moved_and_changed as d;
select is(
    d.spring, '{"2027-03-27 1 0 0 0","2027-03-28 2 0 0 0","2027-03-29 1 0 0 0"}',
    'clinic_analytics: a day of 23 hours begins and ends at midnight')
from moved_and_changed as d;
select is(
    d.autumn, '{"2027-10-30 1 0 0 0","2027-10-31 2 0 0 0","2027-11-01 1 0 0 0"}',
    'clinic_analytics: a day of 25 hours begins and ends at midnight')
from moved_and_changed as d;
select is_empty('select pg_temp.wrong()',
    'clinic_analytics: every range has the figures of its rows after a reschedule');
select d::text as before_fold from moved_and_changed as d \gset
select pg_temp.fold() \g /dev/null
select pg_temp.sign_in('admin');
select is(d::text, :'before_fold',
    'clinic_analytics: a fold changes no figure of these days')
from moved_and_changed as d;
select is_empty('select pg_temp.wrong()',
    'clinic_analytics: every range has the figures of its rows after the fold of a reschedule');
reset role;
select is_empty('select * from app.analytics_invariants(null) where violations <> ''{}''',
    'clinic_analytics: the sums after a reschedule are those of the rows');
set local role telemed_api;

-- Refusals
select throws_ok(
    format('select api.clinic_analytics(%L, %L)', v.p_from, v.p_to), 'TM202', null, v.sentence)
from (values
    ('2027-01-06 00:00:00+00', '2027-01-05 00:00:00+00',
     'clinic_analytics: a range that ends before it begins is refused'),
    ('2027-01-06 00:00:00+00', '2027-01-06 00:00:00+00',
     'clinic_analytics: a range of length zero is refused'),
    ('infinity', null,
     'clinic_analytics: a start at infinity is refused'),
    ('10000-01-01 00:00:00+00', null,
     'clinic_analytics: a start in the year 10000 is refused')) as v (p_from, p_to, sentence);

select throws_ok(
    format('select api.clinic_analytics(p_bucket => %L, p_time_zone => %L)', v.bucket, v.time_zone),
    v.code, null, v.sentence)
from (values
    ('month', 'UTC', 'TM201', 'clinic_analytics: a bucket that is neither day nor week is refused'),
    (null, 'UTC', 'TM201', 'clinic_analytics: a null bucket is refused'),
    ('day', 'Europe/Atlantis', 'TM204', 'clinic_analytics: a zone that does not exist is refused'),
    ('day', 'CET', 'TM204', 'clinic_analytics: an abbreviation is refused as a zone'),
    ('day', null, 'TM204', 'clinic_analytics: a null zone is refused')
) as v (bucket, time_zone, code, sentence);

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
