begin;
\ir ../helpers/actors.psql
\ir ../helpers/invariants.psql
select plan(24);

-- A clinic at work
set local role telemed_api;
select pg_temp.sign_in('admin');
select is_empty(
    'select * from api.check_invariants() where violations <> 0',
    'no invariant is broken in a clinic at work');
select is(
    (select array_agg(name order by ordinality) from api.check_invariants() with ordinality),
    (select array_agg(name order by name) from api.check_invariants()),
    'the invariants are in the order of their names');
select is_empty(
    $$
    select * from api.check_invariants()
    where description is null or violations is null or examples is distinct from '{}'
    $$,
    'every invariant has a description, and no example without a violation');
reset role;
select is(
    (select array_agg(c) from ops.check_invariants() as c),
    (select array_agg(c) from api.check_invariants() as c),
    'a database administrator gets the report that an admin gets');

-- The domains
create function pg_temp.names(p_function regproc)
returns text[] language plpgsql
as $$
declare
    v_names text[];
begin
    execute format('select array_agg(i.name) from %s(null) as i', p_function) into v_names;
    return v_names;
end;
$$;
select results_eq(
    'select name from ops.check_invariants() order by name',
    $$
    select i.name from pg_proc as p
    cross join lateral unnest(pg_temp.names(p.oid::regproc)) as i (name)
    where p.pronamespace = 'app'::regnamespace and p.proname ~ '.+_invariants$'
      and p.proname <> 'all_invariants'
    order by i.name
    $$,
    'the report has every invariant of every domain');
select is_empty(
    'select name from ops.check_invariants() group by name having count(*) > 1',
    'no two invariants have the same name');

savepoint intact;

-- p_since
set local session_replication_role = replica;
delete from app.prescription_items where prescription_id = :'prescription';
update app.consultations set notes = 'Something else' where id = :'completed';
select string_agg(name, ' ' order by name) as since_then
from ops.check_invariants(clock_timestamp() - interval '1 hour') where violations > 0 \gset
select count(*) as since_now
from ops.check_invariants(clock_timestamp() + interval '1 hour') where violations > 0 \gset
rollback to intact;
select is(
    :'since_then'::text,
    'a_prescription_has_at_least_one_item completed_consultations_are_as_they_were_at_completion '
    'the_newest_version_of_a_row_has_its_audit_row', 'rows made since p_since are checked');
select is(:since_now, 0, 'older rows are not checked');

select pg_sleep(0.002), clock_timestamp() as between, pg_sleep(0.002) \gset
set local session_replication_role = replica;
insert into app.time_off (doctor_id, starts_at, ends_at)
values (pg_temp.id_of('doctor'), '2027-01-05 09:45:00+00', '2027-01-05 11:15:00+00');
select string_agg(concat_ws(' ', name, violations), '; ') as since_then
from ops.check_invariants(:'between') where violations > 0 \gset
rollback to intact;
select is(
    :'since_then'::text, 'no_slot_is_open_within_time_off 2',
    'new rows are compared with older rows');

-- Rows made under another clock, as demo data are
select pg_temp.set_clock('2020-01-01 08:00:00+00');
select pg_temp.open_slot('doctor', '2020-01-02 09:00:00+00') as old_slot \gset
set local role telemed_api;
select pg_temp.booking('patient', :'old_slot') as old \gset
select pg_temp.sign_in('admin');
select api.record_payment(:'old', 100, 'EUR', 'card', null, null, 'old') \g /dev/null
reset role;
select coalesce(string_agg(name, ' '), 'nothing') as wrong
from ops.check_invariants(clock_timestamp() - interval '1 hour') where violations > 0 \gset
rollback to intact;
select is(:'wrong'::text, 'nothing', 'a key with the time of its booking in the past is found');
select pg_temp.set_clock('2020-01-01 08:00:00+00');
set local role telemed_api;
select pg_temp.sign_in('admin');
select api.record_payment(:'scheduled', 100, 'EUR', 'card', null, null, 'early') \g /dev/null
reset role;
select pg_temp.set_clock('2027-01-04 08:00:00+00');
set local role telemed_api;
select api.record_payment(:'scheduled', 100, 'EUR', 'card', null, null, 'late') \g /dev/null
reset role;
select coalesce(string_agg(name, ' '), 'nothing') as wrong
from ops.check_invariants(clock_timestamp() - interval '1 hour') where violations > 0 \gset
rollback to intact;
select is(:'wrong'::text, 'nothing', 'a key with the time of its payment in the past is found');

-- Many violations
set local session_replication_role = replica;
insert into app.prescriptions (consultation_id)
select :'completed' from generate_series(1, 7);
select violations, cardinality(examples) as examples,
    examples = (array(select p.id::text from app.prescriptions as p
        where p.id <> :'prescription' order by p.id::text))[1:5] as are_ids
from ops.check_invariants() where name = 'a_prescription_has_at_least_one_item' \gset
rollback to intact;
select is(:violations, 7, 'every violation is counted');
select is(:examples, 5, 'the report has up to five examples');
select is(:'are_ids'::boolean, true, 'the examples are the lowest ids of the rows that break the invariant');
select is(pg_temp.report(), 'nothing', 'no invariant is broken after the rollback');

-- Rights
set local role telemed_dba;
select lives_ok('select ops.check_invariants()', 'a database administrator may call ops.check_invariants');
select is(
    sum(violations), 0::numeric, 'no row is newer than infinity')
from ops.check_invariants('infinity');
set local role telemed_auditor;
select throws_ok('select ops.check_invariants()', '42501', null, 'an auditor may not call ops.check_invariants');
set local role telemed_api;
select throws_ok('select ops.check_invariants()', '42501', null, 'the REST API may not call ops.check_invariants');
select pg_temp.sign_in('admin');
select lives_ok('select api.check_invariants()', 'an admin may call api.check_invariants');
select pg_temp.sign_in('doctor');
select throws_ok('select api.check_invariants()', 'TM301', null, 'a doctor may not call api.check_invariants');
select pg_temp.sign_in('patient');
select throws_ok('select api.check_invariants()', 'TM301', null, 'a patient may not call api.check_invariants');
select pg_temp.sign_in('nobody');
select throws_ok('select api.check_invariants()', 'TM101', null, 'a caller without a context may not call api.check_invariants');
reset role;
update app.users set deactivated_at = app.clock() where id = pg_temp.id_of('admin');
set local role telemed_api;
select pg_temp.sign_in('admin');
select throws_ok('select api.check_invariants()', 'TM102', null, 'a deactivated admin may not call api.check_invariants');

select * from finish();
rollback;
