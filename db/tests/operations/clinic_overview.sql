begin;
\ir ../helpers/actors.psql
select plan(10);
reset role;
select pg_temp.set_clock('2027-01-04 08:00:00+00');
create temp table before as select * from ops.clinic_overview();
grant all on before to telemed_dba;
select is(
    (select array_agg(b.name order by b.name collate "C") from before as b),
    '{audit_oldest_not_sealed,audit_rows_not_sealed,bookings_last_24_hours,connections,'
    'consultations_overdue,consultations_scheduled,database_size,denials_last_24_hours,'
    'sessions_in_force,slots_open,slots_open_next_7_days,users_admin,users_deactivated,'
    'users_doctor,users_patient}',
    'clinic_overview: the figures are those of the reviewed list');
select is_empty(
    'select * from before where unit is null or meaning is null',
    'clinic_overview: each figure has a unit and a meaning');

-- Figures after some bookings
select pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00') as slot_1 \gset
select pg_temp.open_slot('doctor', '2027-01-05 10:00:00+00') as slot_2 \gset
select pg_temp.open_slot('doctor', '2027-01-06 10:00:00+00') as slot_5 \gset
select pg_temp.open_slot('doctor', '2027-01-11 08:00:00+00') as slot_3 \gset
select pg_temp.open_slot('doctor', '2027-01-03 08:00:00+00') as slot_4 \gset
set local role telemed_api;
select pg_temp.booking('patient', :'slot_1') as booking \gset
select pg_temp.booking('patient', :'slot_3') as cancelled \gset
select api.cancel_consultation(:'cancelled') \g /dev/null
select api.get_consultation(:'booking') \g /dev/null
select api.record_denial('list_audit_logs', 'TM301') \g /dev/null
reset role;
select pg_temp.new_session('patient') as session \gset
update app.users set deactivated_at = now() where id = pg_temp.id_of('other_patient');
create function pg_temp.change(p_name text)
returns numeric language sql security definer
as $$
    select a.value - b.value from ops.clinic_overview() as a
    inner join before as b using (name) where name = p_name
$$;
set local role telemed_dba;
select results_eq(
    $$
    select a.name, a.value - b.value from ops.clinic_overview() as a
    inner join before as b using (name)
    where a.value <> b.value and a.name !~ '^(audit|database|connections|bookings)'
    order by a.name collate "C"
    $$,
    $$
    values ('consultations_scheduled', 1::numeric), ('denials_last_24_hours', 1),
        ('sessions_in_force', 1), ('slots_open', 3), ('slots_open_next_7_days', 2),
        ('users_deactivated', 1), ('users_patient', -1)
    $$,
    'clinic_overview: slots, consultations, sessions, refusals and accounts are counted');
select cmp_ok(pg_temp.change('audit_rows_not_sealed'), '>=', 6::numeric,
    'clinic_overview: audit rows that are not sealed are counted');
select cmp_ok(
    (select value from ops.clinic_overview() where name = 'database_size'), '>', 1000000::numeric,
    'clinic_overview: the size of the database is given');
select ops.seal_audit(10000000, '1 minute') \g /dev/null
select results_eq(
    $$ select value from ops.clinic_overview() where name = 'audit_rows_not_sealed' $$,
    array[0::numeric],
    'clinic_overview: after ops.seal_audit no audit row is counted as not sealed');
select results_eq(
    $$ select value from ops.clinic_overview() where name = 'audit_oldest_not_sealed' $$,
    array[null::numeric],
    'clinic_overview: without an audit row that is not sealed the age of the oldest is null');
reset role;
select pg_temp.set_clock('2027-01-05 12:00:00+00');
set local role telemed_dba;
select is(pg_temp.change('consultations_overdue'), 1::numeric,
    'clinic_overview: a scheduled consultation whose time is over is overdue');

set local role telemed_auditor;
select throws_ok('select ops.clinic_overview()', '42501', null,
    'clinic_overview: an auditor cannot call it');
set local role telemed_api;
select throws_ok('select ops.clinic_overview()', '42501', null,
    'clinic_overview: the REST API cannot call it');

select * from finish();
rollback;
