begin;
\ir ../helpers/actors.psql
select plan(22);

reset role;
set local role telemed_dba;
select ops.seal_audit(10000000, '1 minute') \g /dev/null
reset role;

-- Three seals of three rows each, and one row that is not sealed
create temp table test_row (n integer, id bigint);
create function pg_temp.write(p_n integer)
returns void language sql
as $$
    with written as (
        insert into app.audit_logs (occurred_at, table_name, row_id, operation, new, user_id)
        values (now(), 'charts', 'c-' || p_n, 'INSERT', '{"note": "as it was"}',
            pg_temp.id_of('doctor'))
        returning id)
    insert into test_row select p_n, w.id from written as w
$$;
select pg_temp.write(n) from generate_series(1, 3) as n \g /dev/null
select ops.seal_audit(p_wait => '1 minute') \g /dev/null
select pg_temp.write(n) from generate_series(4, 6) as n \g /dev/null
select ops.seal_audit(p_wait => '1 minute') \g /dev/null
select pg_temp.write(n) from generate_series(7, 9) as n \g /dev/null
select ops.seal_audit(p_wait => '1 minute') \g /dev/null
select pg_temp.write(10) \g /dev/null
select max(id) as last, max(id) - 2 as first, count(*) as seals from app.audit_seals \gset
select id as id_1 from test_row where n = 1 \gset
select id as id_4 from test_row where n = 4 \gset
select id as id_9 from test_row where n = 9 \gset
set local role telemed_api;

select pg_temp.sign_in('admin');
select collect_tap(
    is(c.last_seal_id, :last::bigint, 'check_audit: it names the newest seal'),
    is(c.last_sealed_id, :id_9::bigint, 'check_audit: it names the last row that is sealed'),
    ok(c.last_sealed_at is not null, 'check_audit: the newest seal has a time'),
    is(c.oldest_unsealed_at, now(), 'check_audit: it has the time of the oldest row without a seal'),
    is(c.checked_seals, :seals::bigint, 'check_audit: the seals of a young chain are all checked'),
    is((c.problem_count, c.problems)::text, '(0,{})',
        'check_audit: an untouched audit log has no problems'))
from api.check_audit() as c;
select is((api.check_audit(v.rows)).checked_rows, v.checked, 'check_audit: ' || v.sentence)
from (values
    (3, 3::bigint, 'as many rows are compared as the newest seal has'),
    (8, 6, 'the rows of a seal are compared all together or not at all'),
    (9, 9, 'the rows of three seals are compared'),
    (2, 0, 'a seal with more rows than are asked for is left out'),
    (0, 0, 'no row is compared if none is asked for'))
    as v (rows, checked, sentence);

-- Changes by somebody who can switch triggers off. Seals are numbered from 0, rows from 1.
create function pg_temp.found_after(p_sql text, p_rows integer)
returns text language plpgsql
as $$
declare
    v_problems text;
    v_row bigint := (select min(id) - 1 from test_row);
    v_seal bigint := (select max(id) - 2 from app.audit_seals);
begin
    set local session_replication_role = replica;
    execute p_sql;
    perform pg_temp.sign_in('admin');
    select coalesce(string_agg(concat_ws(' ',
            p.problem, p.seal_id - v_seal, 'row ' || p.audit_id - v_row), ', '
            order by p.problem, p.seal_id, p.audit_id), 'none') into v_problems
    from api.check_audit(p_rows) as c cross join lateral unnest(c.problems) as p;
    raise exception using message = v_problems, errcode = 'XX999';
exception when sqlstate 'XX999' then
    return sqlerrm;
end;
$$;
reset role;
select is(pg_temp.found_after(format(v.sql, :id_4, :id_1, :last), v.rows), v.problems,
    'check_audit: ' || v.sentence)
from (values
    ('update app.audit_logs set new = ''{"note": "as it was not"}'' where id = %s', 6,
     'row_changed row 4', 'a changed row of a seal that is checked is found'),
    ('update app.audit_logs set new = ''{"note": "as it was not"}'' where id = %s', 3,
     'none', 'a changed row of a seal that is not checked is not found'),
    ('delete from app.audit_logs where id = %s', 6, 'rows_differ 1', 'a deleted row is found'),
    ('delete from app.audit_seals where id = %3$s - 1', 0,
     'chain_broken 2', 'a deleted seal is found, also when no row is compared'),
    ('update app.audit_seals set row_count = 4 where id = %3$s', 0, 'seal_changed 2',
     'a changed seal is found, also when no row is compared'))
    as v (sql, rows, problems, sentence);
set local role telemed_api;

select is(
    pg_temp.refusal(v.actor, 'select api.check_audit(' || v.arguments || ')'), v.refusal,
    'check_audit: ' || v.sentence)
from (values
    ('patient', '', 'TM301', 'a patient is refused'),
    ('doctor', '', 'TM301', 'a doctor is refused'),
    ('nobody', '', 'TM101', 'a caller without a context is refused'),
    ('admin', '-1', 'TM201 rows', 'less than no row is refused'),
    ('admin', '50001', 'TM201 rows', 'more rows than a request has time for are refused'),
    ('admin', 'null', 'TM201 rows', 'a null number of rows is refused'))
    as v (actor, arguments, refusal, sentence);

select * from finish();
rollback;
