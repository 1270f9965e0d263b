begin;
\ir ../helpers/actors.psql
\ir ../helpers/invariants.psql
select plan(21);

-- The activity of rows, and of their versions in the audit log
select is(
    (select array_agg(r.n order by r.n) from (
        select format('%s %s', a.doctor_id = pg_temp.id_of('doctor'),
            (count(*), sum(a.consultations), sum(a.completed), sum(a.cancelled),
             sum(a.booked_seconds), sum(a.open_seconds), sum(a.prescriptions), sum(a.payments),
             sum(a.refunds), sum(a.paid_minor), sum(a.refunded_minor))::text) as n
        from app.activity_of_rows('2027-01-04 00:00+00', '2027-01-06 00:00+00') as a
        where a.doctor_id is not null
        group by a.doctor_id) as r),
    array[
        'f (4,3,0,1,3600,1800,0,0,0,0,0)',
        't (8,3,1,1,3600,3600,1,1,1,5000,1000)'],
    'activity_of_rows: consultations, open slots, prescriptions and money of each doctor');
select is(
    (sum(a.users), sum(a.patients), sum(a.doctors)), (5::numeric, 2::numeric, 2::numeric),
    'activity_of_rows: accounts by their role')
from app.activity_of_rows('-infinity', 'infinity') as a;
select is(count(*), 0::bigint, 'activity_of_rows: the end of a range is not in it')
from app.activity_of_rows('2027-01-05 00:00+00', '2027-01-05 09:00+00') as a;
select is(sum(a.consultations), 1::numeric, 'activity_of_rows: the start of a range is in it')
from app.activity_of_rows('2027-01-05 09:00+00', '2027-01-05 09:01+00') as a;
select is(
    (a.at, a.doctor_id, a.consultations, a.booked_seconds),
    ('2027-01-05 09:00+00'::timestamptz, pg_temp.id_of('doctor'), v.consultations, v.seconds),
    v.sentence)
from (values
    ('cancelled', 1::bigint, 0::bigint, 'activity_of_version: a cancelled consultation books no time'),
    ('scheduled', 1, 1800, 'activity_of_version: a scheduled consultation books its time')
) as v (status, consultations, seconds, sentence)
cross join lateral app.activity_of_version('consultations', jsonb_build_object(
    'starts_at', '2027-01-05T09:00:00+00:00', 'ends_at', '2027-01-05T09:30:00.9+00:00',
    'doctor_id', pg_temp.id_of('doctor'), 'status', v.status)) as a;
select is(a.open_seconds, v.seconds, v.sentence)
from (values
    ('open', 1800::bigint, 'activity_of_version: an open slot offers its time'),
    ('booked', 0, 'activity_of_version: a booked slot counts by its consultation'),
    ('withdrawn', 0, 'activity_of_version: a withdrawn slot offers nothing')
) as v (status, seconds, sentence)
cross join lateral app.activity_of_version('availability_slots', jsonb_build_object(
    'starts_at', '2027-01-05T09:00:00+00:00', 'ends_at', '2027-01-05T09:30:00+00:00',
    'doctor_id', pg_temp.id_of('doctor'), 'status', v.status)) as a;

-- A fold
create function pg_temp.sums()
returns text[] language sql
as $$
    select array(
        select concat_ws(' ', t.starts_at, t.currency, t.users, t.patients, t.doctors,
            t.consultations, t.completed, t.cancelled, t.booked_seconds, t.open_seconds,
            t.prescriptions, t.payments, t.refunds, t.paid_minor, t.refunded_minor)
        from app.activity_by_quarter_hour as t
        where t.users + t.consultations + t.open_seconds + t.payments + t.refunds
            + t.prescriptions <> 0
        order by 1)
    || array(
        select concat_ws(' ', t.day, t.doctor_id, t.currency, t.consultations, t.completed,
            t.cancelled, t.booked_seconds, t.open_seconds, t.payments, t.refunds, t.paid_minor,
            t.refunded_minor)
        from app.activity_by_doctor_and_day as t
        where t.consultations + t.open_seconds + t.payments + t.refunds <> 0
        order by 1)
$$;
-- What other tests have sealed.
select app.fold_changes() \g /dev/null
select f.last_id as before from app.activity_folds as f \gset
select is(app.fold_changes(), 0::bigint,
    'fold_changes: changes that are not sealed are not folded');
select ops.seal_audit(10000000, '1 minute') \g /dev/null
savepoint sealed;
select app.fold_changes() as ids \gset
select is(f.last_id, max(s.last_id), 'fold_changes: the last folded id is the last sealed one')
from app.activity_folds as f cross join app.audit_seals as s group by f.last_id;
select is(:ids::bigint, f.last_id - :before, 'fold_changes: the number of ids is returned')
from app.activity_folds as f;
select is_empty('select * from app.activity_of_changes((select last_id from app.activity_folds))',
    'fold_changes: nothing is left to be folded');
select is(app.fold_changes(), 0::bigint, 'fold_changes: a second fold adds nothing');
select is_empty('select * from app.analytics_invariants(null) where violations <> ''{}''',
    'fold_changes: the sums are those of the rows');
select pg_temp.sums() as sums \gset
rollback to sealed;
do $$
begin
    while app.fold_changes(3) > 0 loop
    end loop;
end;
$$;
select is(pg_temp.sums(), :'sums'::text[],
    'fold_changes: folds of three ids at a time come to the same sums');
select is(app.fold_changes(null, true), 0::bigint,
    'fold_changes: with p_rebuild it goes on to the last sealed id');
select is(pg_temp.sums(), :'sums'::text[], 'fold_changes: p_rebuild computes the same sums');

-- Constraints
select throws_ok(
    $$ insert into app.activity_by_quarter_hour (starts_at, users, patients, doctors, consultations,
           completed, cancelled, booked_seconds, open_seconds, prescriptions, payments, refunds,
           paid_minor, refunded_minor)
       values ('2027-01-05 09:07+00', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0) $$,
    '23514', null, 'activity_by_quarter_hour: a time within a quarter of an hour is rejected');
select throws_ok(
    $$ insert into app.activity_by_quarter_hour (starts_at, users, patients, doctors, consultations,
           completed, cancelled, booked_seconds, open_seconds, prescriptions, payments, refunds,
           paid_minor, refunded_minor)
       values ('2027-01-05 09:00+00', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0) $$,
    '23505', null, 'activity_by_quarter_hour: a second row without a currency is rejected');
select throws_ok(
    $$ insert into app.activity_folds default values $$, '23505', null,
    'activity_folds: a second row is rejected');

select * from finish();
rollback;
