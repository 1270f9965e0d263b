begin;
\ir ../helpers/actors.psql
select plan(18);
reset role;
delete from app.invariant_findings;

-- The report of a check: names of invariants and numbers of their violations
create function pg_temp.check(p_since timestamptz, p_found jsonb)
returns text language plpgsql
as $$
begin
    perform app.note_findings(p_since, array(
        select row(f.key, 'A rule', f.value::bigint, array[f.key || ' ' || f.value])::api.invariants
        from jsonb_each_text(p_found) as f));
    return pg_temp.findings();
end;
$$;
create function pg_temp.findings()
returns text language sql
as $$
    select coalesce(string_agg(concat_ws(' ', f.name, f.violations, f.examples), '; ' order by f.name),
        'nothing')
    from app.invariant_findings as f
$$;

select is(pg_temp.check(null, '{"a": 0, "b": 0}'), 'nothing',
    'note_findings: a check without violations leaves no finding');
select is(pg_temp.check('2027-01-04 09:00+00', '{"a": 2, "b": 0}'), 'a 2 {"a 2"}',
    'note_findings: a violation is kept with its number and its examples');
select is(pg_temp.check('2027-01-04 10:00+00', '{"a": 0, "b": 0}'), 'a 2 {"a 2"}',
    'note_findings: a check of younger rows does not end a finding');
select is(pg_temp.check('2027-01-04 10:00+00', '{"a": 1, "b": 0}'), 'a 2 {"a 2"}',
    'note_findings: a smaller number among younger rows changes nothing');
select is(pg_temp.check('2027-01-04 10:00+00', '{"a": 5, "b": 0}'), 'a 5 {"a 5"}',
    'note_findings: a larger number among younger rows replaces the one before');
select is(pg_temp.check('2027-01-04 09:00+00', '{"a": 1, "b": 3}'), 'a 1 {"a 1"}; b 3 {"b 3"}',
    'note_findings: a check of the same rows replaces what was found in them');
select is(pg_temp.check('2027-01-04 08:00+00', '{"a": 0, "b": 3}'), 'b 3 {"b 3"}',
    'note_findings: a check of these and older rows ends a finding');
select is(pg_temp.check(null, '{"b": 4}'), 'b 4 {"b 4"}',
    'note_findings: a check of all rows replaces a finding');
select is(pg_temp.check('2027-01-04 08:00+00', '{"b": 0}'), 'b 4 {"b 4"}',
    'note_findings: only a check of all rows ends what a check of all rows has found');

-- A violation among rows that become older
delete from app.invariant_findings;
create function pg_temp.violated(p_function text, p_since timestamptz)
returns text language plpgsql
as $$
declare
    v_names text;
begin
    execute format(
        'select string_agg(i.name, %L order by i.name) from %s(%L) as i where i.violations > 0',
        ' ', p_function, p_since) into v_names;
    return coalesce(v_names, 'nothing');
end;
$$;
select pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00') \g /dev/null
set local session_replication_role = replica;
insert into app.time_off (doctor_id, starts_at, ends_at)
values (pg_temp.id_of('doctor'), '2027-01-05 08:00:00+00', '2027-01-05 12:00:00+00');
set local session_replication_role = origin;
select pg_temp.violated('work.check_invariants', clock_timestamp() - interval '1 hour') as found \gset
select matches(:'found'::text, 'no_slot_is_open_within_time_off',
    'check_invariants: the worker is told of a violation among the rows that it checks');
select is(pg_temp.violated('work.check_invariants', clock_timestamp() + interval '1 hour'), :'found'::text,
    'check_invariants: the worker is told of it again when the rows are older');
select is(pg_temp.violated('ops.check_invariants', clock_timestamp() + interval '1 hour'), 'nothing',
    'check_invariants: a DBA gets what is in the rows that are checked');
set local session_replication_role = replica;
delete from app.time_off;
set local session_replication_role = origin;
select is(pg_temp.violated('work.check_invariants', clock_timestamp() + interval '1 hour'), :'found'::text,
    'check_invariants: a check of younger rows does not notice the repair');
select is(pg_temp.violated('ops.check_invariants', null), 'nothing',
    'check_invariants: a check of all rows does');
select is(pg_temp.violated('work.check_invariants', clock_timestamp() + interval '1 hour'), 'nothing',
    'check_invariants: the worker is not told of it any more');
select is(pg_temp.findings(), 'nothing', 'check_invariants: no finding is left');

select is(pg_temp.check(null, '{"b": 4}'), 'b 4 {"b 4"}',
    'note_findings: a violation is kept in any transaction that can write');
set local transaction_read_only = on;
select is(pg_temp.check(null, '{"b": 0}'), 'b 4 {"b 4"}',
    'note_findings: a read-only transaction keeps nothing');

select * from finish();
rollback;
