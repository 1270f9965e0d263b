begin;
\ir ../helpers/actors.psql
\ir ../helpers/invariants.psql
select plan(14);
set local timezone = 'America/New_York';

select ops.seal_audit(10000000, '1 minute') \g /dev/null
select app.fold_changes() \g /dev/null

-- Only these invariants
create or replace function pg_temp.report(p_traces boolean default false)
returns text language sql
as $$
    select coalesce(
        string_agg(concat_ws(' ', name, violations, examples::text), '; ' order by name), 'nothing')
    from ops.check_invariants()
    where violations > 0 and name like 'the_activity_of_%'
$$;

insert into broken (sentence, report, sql)
select v.sentence, v.report, v.sql
from (values
    ('a sum of a quarter of an hour that is too high is reported',
     'the_activity_of_a_quarter_hour_is_that_of_its_rows 1 {"2027-01-05 09:00:00"}',
     'update app.activity_by_quarter_hour set completed = completed + 1
      where starts_at = ''2027-01-05 09:00+00'''),
    ('a sum of accounts that is too low is reported',
     'the_activity_of_a_quarter_hour_is_that_of_its_rows 1 {"2027-01-04 08:00:00"}',
     'update app.activity_by_quarter_hour set users = users - 1
      where starts_at = ''2027-01-04 08:00+00'' and currency is null'),
    ('a sum of a quarter of an hour without rows is reported',
     'the_activity_of_a_quarter_hour_is_that_of_its_rows 1 {"2027-01-07 09:00:00"}',
     'insert into app.activity_by_quarter_hour (starts_at, users, patients, doctors, consultations,
          completed, cancelled, booked_seconds, open_seconds, prescriptions, payments, refunds,
          paid_minor, refunded_minor)
      values (''2027-01-07 09:00+00'', 0, 0, 0, 1, 0, 0, 1800, 0, 0, 0, 0, 0, 0)'),
    ('a sum of money that is too high is reported',
     'the_activity_of_a_quarter_hour_is_that_of_its_rows 1 {"2027-01-04 08:00:00 EUR"}',
     'update app.activity_by_quarter_hour set paid_minor = paid_minor + 1
      where currency = ''EUR'''),
    ('a sum of a doctor that is too high is reported',
     format('the_activity_of_a_doctor_is_that_of_its_rows 1 {"2027-01-05 %s"}',
        pg_temp.id_of('doctor')),
     format('update app.activity_by_doctor_and_day set cancelled = cancelled + 1
             where doctor_id = %L and day = ''2027-01-05''', pg_temp.id_of('doctor'))),
    ('a sum of money of a doctor that is too high is reported',
     format('the_activity_of_a_doctor_is_that_of_its_rows 1 {"2027-01-04 %s EUR"}',
        pg_temp.id_of('doctor')),
     'update app.activity_by_doctor_and_day set refunded_minor = refunded_minor + 1
      where currency = ''EUR'''),
    ('a change that is folded twice is reported',
     format('the_activity_of_a_doctor_is_that_of_its_rows 2 {"2027-01-04 %1$s EUR","2027-01-05 %1$s"}',
        pg_temp.id_of('doctor')),
     format('update app.activity_by_doctor_and_day
             set consultations = consultations + 1, payments = payments + 1
             where doctor_id = %L', pg_temp.id_of('doctor')))
) as v (sentence, report, sql);

select is(pg_temp.report_on(b.sql, b.triggers, b.traces), b.report, b.sentence)
from broken as b order by b.n;
select is_empty(
    $$ select * from pg_temp.unbroken('app.analytics_invariants') $$,
    'every invariant of analytics is broken by a case');
select is(pg_temp.report(), 'nothing', 'sums that are not touched break no invariant');

-- A change without its audit row
savepoint intact;
set local session_replication_role = replica;
update app.availability_slots set status = 'withdrawn' where id = :'slot_3';
set local session_replication_role = origin;
select results_eq(
    'select i.name, i.violations from app.analytics_invariants(null) as i order by i.name',
    format(
        'values (%L, array[%L]), (%L, array[%L])',
        'the_activity_of_a_doctor_is_that_of_its_rows',
        '2027-01-05 ' || pg_temp.id_of('doctor'),
        'the_activity_of_a_quarter_hour_is_that_of_its_rows', '2027-01-05 11:00:00'),
    'a slot that is withdrawn without its audit row is reported');
select ops.rebuild_activity() \g /dev/null
select is_empty(
    $$ select * from app.analytics_invariants(null) where violations <> '{}' $$,
    'after ops.rebuild_activity the sums are those of the rows');
rollback to intact;

-- p_since
create function pg_temp.broken_since(p_since timestamptz)
returns bigint language sql
as $$
    select sum(cardinality(i.violations)) from app.analytics_invariants(p_since) as i
$$;
update app.activity_by_quarter_hour set users = users + 1
where starts_at = '2027-01-04 08:00+00' and currency is null;
select is(pg_temp.broken_since(v.since), v.violations, v.sentence)
from (values
    ('2027-01-04 07:00+00'::timestamptz, 1::bigint, 'sums of days since p_since are checked'),
    ('2027-01-05 00:00+00', 0, 'sums of earlier days are not checked'),
    ('-infinity', 1, 'sums of all days up to today are checked since -infinity')
) as v (since, violations, sentence);

select * from finish();
rollback;
