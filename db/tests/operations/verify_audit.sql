begin;
\ir ../helpers/actors.psql
select plan(34);
reset role;
set local role telemed_dba;
select ops.seal_audit(10000000, '1 minute') \g /dev/null
reset role;

-- Two months with three rows each, sealed in two calls; one row that is not sealed
create temp table test_row (n integer, id bigint);
create function pg_temp.write(p_n integer, p_at timestamptz)
returns void language sql
as $$
    with written as (
        insert into app.audit_logs (occurred_at, table_name, row_id, operation, new, user_id)
        values (p_at, 'charts', 'c-' || p_n, 'INSERT', '{"note": "as it was"}',
            pg_temp.id_of('doctor'))
        returning id)
    insert into test_row select p_n, w.id from written as w
$$;
select date_trunc('month', now(), 'UTC') as month \gset
select pg_temp.write(n, timestamptz :'month' + n * interval '1 hour') from generate_series(1, 3) as n \g /dev/null
select ops.seal_audit(p_wait => '1 minute') \g /dev/null
select pg_temp.write(n, timestamptz :'month' + interval '1 month' + n * interval '1 hour')
from generate_series(4, 6) as n \g /dev/null
select ops.seal_audit(p_wait => '1 minute') \g /dev/null
select pg_temp.write(7, now()) \g /dev/null
select max(id) as last_seal, max(id) - 1 as seal from app.audit_seals \gset
select id as id_1 from test_row where n = 1 \gset
select id as id_2 from test_row where n = 2 \gset
select id as id_6 from test_row where n = 6 \gset
select id as id_7 from test_row where n = 7 \gset
select jsonb_agg(s) as exported from ops.audit_seals as s \gset

create function pg_temp.problems(p_exported jsonb default null, p_since date default null)
returns text language sql
as $$
    select coalesce(string_agg(
        concat_ws(' ', v.problem, v.seal_id - s.first, 'row ' || v.audit_id - t.first), ', '
        order by v.problem, v.seal_id, v.audit_id), 'none')
    from ops.verify_audit(p_exported, p_since) as v
    cross join (select max(id) - 1 as first from app.audit_seals) as s
    cross join (select min(id) - 1 as first from test_row) as t
$$;

select is(pg_temp.problems(), 'none', 'verify_audit: an untouched audit log has no problems');
select is(pg_temp.problems(:'exported'), 'none',
    'verify_audit: an untouched audit log has no problems when compared with its exported seals');

-- Attacks by somebody who can switch triggers off. Rows are numbered from 1, the seals are 0 and 1.
create function pg_temp.after(
    p_sql text, p_exported jsonb default null, p_since date default null)
returns text language plpgsql
as $$
declare
    v_problems text;
begin
    execute p_sql;
    v_problems := pg_temp.problems(p_exported, p_since);
    raise exception using message = v_problems, errcode = 'XX999';
exception when sqlstate 'XX999' then
    return sqlerrm;
end;
$$;
create function pg_temp.rehash(p_sql text)
returns text language sql
as $$
    select p_sql || '; update app.audit_logs as l set row_hash = app.audit_row_hash(l)
        where l.row_hash <> app.audit_row_hash(l)'
$$;
set local session_replication_role = replica;

select is(pg_temp.after(format(v.sql, :'id_2', :'id_1')), v.problems, v.sentence)
from (values
    ('update app.audit_logs set new = ''{"note": "as it was not"}'' where id = %s',
     'row_changed row 2', 'verify_audit: a changed value is found'),
    ('update app.audit_logs set user_id = null where id = %s',
     'row_changed row 2', 'verify_audit: a changed user is found'),
    ('update app.audit_logs set occurred_at = occurred_at + interval ''1 microsecond'' where id = %s',
     'row_changed row 2', 'verify_audit: a changed time is found'),
    ('update app.audit_logs set occurred_at = occurred_at + interval ''1 month'' where id = %s',
     'row_changed row 2, row_not_sealed row 2, rows_differ 0',
     'verify_audit: a time that is changed to another month is found'),
    ('delete from app.audit_logs where id = %s', 'rows_differ 0',
     'verify_audit: a deleted row is found'),
    ('update app.audit_logs as l set new = o.new, row_id = o.row_id, row_hash = o.row_hash
      from app.audit_logs as o where l.id in (%1$s, %2$s) and o.id in (%1$s, %2$s) and o.id <> l.id',
     'row_changed row 1, row_changed row 2, rows_differ 0',
     'verify_audit: two swapped rows are found'),
    ('insert into app.audit_logs overriding system value
      select (jsonb_populate_record(l, jsonb_build_object(''occurred_at'',
          l.occurred_at + interval ''1 minute''))).* from app.audit_logs as l where l.id = %s',
     'row_changed row 2, rows_differ 0', 'verify_audit: an inserted row is found'),
    ('insert into app.audit_logs overriding system value
      select (jsonb_populate_record(l, jsonb_build_object(''occurred_at'',
          l.occurred_at + interval ''2 months''))).* from app.audit_logs as l where l.id = %s',
     'row_changed row 2, row_not_sealed row 2',
     'verify_audit: an inserted row in a month without a seal is found'))
    as v (sql, problems, sentence);

-- Attacks that also compute new row hashes
select is(pg_temp.after(pg_temp.rehash(format(v.sql, :'id_2', :'id_1'))), v.problems, v.sentence)
from (values
    ('update app.audit_logs set new = ''{"note": "as it was not"}'' where id = %s',
     'rows_differ 0',
     'verify_audit: a value that is changed together with the row hash is found by the seal'),
    ('update app.audit_logs as l set new = o.new, row_id = o.row_id
      from app.audit_logs as o where l.id in (%1$s, %2$s) and o.id in (%1$s, %2$s) and o.id <> l.id',
     'rows_differ 0',
     'verify_audit: two rows that are swapped with new row hashes are found by the seal'),
    ('insert into app.audit_logs overriding system value
      select (jsonb_populate_record(l, jsonb_build_object(''occurred_at'',
          l.occurred_at + interval ''2 months''))).* from app.audit_logs as l where l.id = %s',
     'row_not_sealed row 2',
     'verify_audit: a row that is inserted into the sealed range with a correct hash is found'))
    as v (sql, problems, sentence);

-- Attacks on the seals
select is(pg_temp.after(format(v.sql, :'last_seal')), v.problems, v.sentence)
from (values
    ('update app.audit_seals set row_count = 4 where id = %s', 'rows_differ 1, seal_changed 1',
     'verify_audit: a changed seal is found'),
    ('update app.audit_seals as s set previous_hash = sha256('''') where s.id = %1$s;
      update app.audit_seals as s set hash = app.audit_seal_hash(s) where s.id = %1$s',
     'chain_broken 1', 'verify_audit: a seal that does not follow the seal before it is found'),
    ('delete from app.audit_seals where id = %s - 1',
     'chain_broken 1, row_not_sealed row 1, row_not_sealed row 2, row_not_sealed row 3',
     'verify_audit: a deleted seal in the chain is found'),
    ('update app.audit_seals as s set after_id = after_id + 1 where s.id = %1$s;
      update app.audit_seals as s set hash = app.audit_seal_hash(s) where s.id = %1$s',
     'chain_broken 1, row_not_sealed row 4, rows_differ 1',
     'verify_audit: a seal that leaves out a row is found'),
    ('update app.audit_seals as s set kind = ''retirement'', after_id = last_id where s.id = %1$s;
      update app.audit_seals as s set hash = app.audit_seal_hash(s) where s.id = %1$s',
     'chain_broken 1, retirement_differs 1, row_not_sealed row 4, row_not_sealed row 5,'
     ' row_not_sealed row 6',
     'verify_audit: a seal that is changed into a retirement is found'))
    as v (sql, problems, sentence);

-- A chain that is recomputed from its beginning
create function pg_temp.rechain(p_first bytea)
returns void language plpgsql
as $$
declare
    v_id bigint;
    v_previous bytea := p_first;
begin
    for v_id in select s.id from app.audit_seals as s order by s.id loop
        update app.audit_seals as s set previous_hash = v_previous where s.id = v_id;
        update app.audit_seals as s set hash = app.audit_seal_hash(s) where s.id = v_id
        returning s.hash into v_previous;
    end loop;
end;
$$;
select is(
    pg_temp.after($$ select pg_temp.rechain(decode(repeat('00', 32), 'hex')) $$), 'none',
    'verify_audit: a chain that is recomputed from the same seals has no problems');
select alike(
    pg_temp.after($$ select pg_temp.rechain(sha256('')) $$), 'chain_broken %',
    'verify_audit: a first seal with a previous hash other than zeros is found');
select is(
    pg_temp.after(
        $$
        insert into app.audit_seals
        select s.id + 1, 'retirement', '2001-01-01', s.last_id, s.last_id, 0, sha256('x'),
            s.sealed_at, s.database_login, s.hash, s.hash
        from app.audit_seals as s order by s.id desc limit 1;
        update app.audit_seals as s set hash = app.audit_seal_hash(s)
        where s.month = '2001-01-01'
        $$),
    'retirement_differs 1', 'verify_audit: a forged retirement of a month without seals is found');

-- The end of the audit log
select is(
    pg_temp.after(format('delete from app.audit_logs where id = %s', :'id_7')), 'none',
    'verify_audit: the deletion of a last row that is not sealed is not found');
select is(
    pg_temp.after(format('delete from app.audit_logs where id = %s', :'id_6')), 'rows_differ 1',
    'verify_audit: the deletion of a last row that is sealed is found');
select is(
    pg_temp.after(format(
        'delete from app.audit_logs where id > %s - 4; delete from app.audit_seals where id = %s',
        :'id_7', :'last_seal')), 'none',
    'verify_audit: the deletion of the last rows with their seal is not found by itself');
select is(
    pg_temp.after(format(
        'delete from app.audit_logs where id > %s - 4; delete from app.audit_seals where id = %s',
        :'id_7', :'last_seal'), :'exported'), 'exported_seal_missing 2',
    'verify_audit: the deletion of the last rows with their seal is found with the exported seals');
select is(
    pg_temp.after(format(
        'update app.audit_seals as s set row_count = 2 where s.id = %1$s;
         delete from app.audit_logs where id = %2$s;
         update app.audit_seals as s set rows_digest = (
             select sha256(string_agg(l.row_hash, '''' order by l.id)) from app.audit_logs as l
             where l.id > s.after_id and l.id <= s.last_id) where s.id = %1$s;
         update app.audit_seals as s set hash = app.audit_seal_hash(s) where s.id = %1$s',
        :'last_seal', :'id_6'), null), 'none',
    'verify_audit: a last seal that is recomputed over fewer rows is not found by itself');
select is(
    pg_temp.after(format(
        'update app.audit_seals as s set row_count = 2 where s.id = %1$s;
         delete from app.audit_logs where id = %2$s;
         update app.audit_seals as s set rows_digest = (
             select sha256(string_agg(l.row_hash, '''' order by l.id)) from app.audit_logs as l
             where l.id > s.after_id and l.id <= s.last_id) where s.id = %1$s;
         update app.audit_seals as s set hash = app.audit_seal_hash(s) where s.id = %1$s',
        :'last_seal', :'id_6'), :'exported'), 'exported_seal_differs 1',
    'verify_audit: a last seal that is recomputed over fewer rows is found with the exported '
    'seals');

-- p_since
select is(
    pg_temp.problems(p_since => (timestamptz :'month' + interval '1 month')::date), 'none',
    'verify_audit: with p_since an untouched audit log has no problems');
select is(
    pg_temp.after(
        format('delete from app.audit_logs where id = %s', :'id_6'),
        p_since => (timestamptz :'month' + interval '1 month')::date),
    'rows_differ 1', 'verify_audit: a deleted row in the month p_since is found');
update app.audit_logs set new = '{}' where id = :'id_2';
select is(
    pg_temp.problems(p_since => (timestamptz :'month' + interval '1 month')::date), 'none',
    'verify_audit: a changed row before p_since is not looked at');
set local session_replication_role = origin;

-- Rights, and refused arguments
set local role telemed_auditor;
select isnt_empty('select * from ops.verify_audit()', 'verify_audit: an auditor can call it');
select throws_ok(format('select ops.verify_audit(%L)', v.exported), 'TM201', null, v.sentence)
from (values
    ('{}', 'verify_audit: exported seals that are not an array are refused'),
    ('[{"id": "1", "hash": "x"}]',
     'verify_audit: exported seals whose id is not a number are refused'))
    as v (exported, sentence);
set local role telemed_api;
select throws_ok('select ops.verify_audit()', '42501', null,
    'verify_audit: the REST API cannot call it');

select * from finish();
rollback;
