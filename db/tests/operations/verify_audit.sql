begin;
\ir ../helpers/actors.psql
select plan(34);
reset role;
set local role telemed_dba;
select ops.seal_audit(10000000, '1 minute') \g /dev/null
reset role;

-- Two months with three rows each, sealed in two calls; one row that is not sealed
create temp table trail (n integer, id bigint);
create function pg_temp.write(p_n integer, p_at timestamptz)
returns void language sql
as $$
    with written as (
        insert into app.audit_logs (occurred_at, table_name, row_id, operation, new, user_id)
        values (p_at, 'charts', 'c-' || p_n, 'INSERT', '{"note": "as it was"}',
            pg_temp.id_of('doctor'))
        returning id)
    insert into trail select p_n, w.id from written as w
$$;
select date_trunc('month', now(), 'UTC') as month \gset
select pg_temp.write(n, timestamptz :'month' + n * interval '1 hour') from generate_series(1, 3) as n \g /dev/null
select ops.seal_audit(p_wait => '1 minute') \g /dev/null
select pg_temp.write(n, timestamptz :'month' + interval '1 month' + n * interval '1 hour')
from generate_series(4, 6) as n \g /dev/null
select ops.seal_audit(p_wait => '1 minute') \g /dev/null
select pg_temp.write(7, now()) \g /dev/null
select max(id) as last_seal, max(id) - 1 as seal from app.audit_seals \gset
select id as id_1 from trail where n = 1 \gset
select id as id_2 from trail where n = 2 \gset
select id as id_6 from trail where n = 6 \gset
select id as id_7 from trail where n = 7 \gset
select jsonb_agg(s) as exported from ops.audit_seals as s \gset

create function pg_temp.problems(p_exported jsonb default null, p_since date default null)
returns text language sql
as $$
    select coalesce(string_agg(
        concat_ws(' ', v.problem, v.seal_id - s.first, 'row ' || v.audit_id - t.first), ', '
        order by v.problem, v.seal_id, v.audit_id), 'none')
    from ops.verify_audit(p_exported, p_since) as v
    cross join (select max(id) - 1 as first from app.audit_seals) as s
    cross join (select min(id) - 1 as first from trail) as t
$$;

select is(pg_temp.problems(), 'none', 'a trail that nobody has touched has no problems');
select is(pg_temp.problems(:'exported'), 'none', 'nor has it against its exported seals');

-- What somebody does who may switch triggers off; 1, 2 ...: the rows; the seals are 0 and 1
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
     'row_changed row 2', 'a changed field is found'),
    ('update app.audit_logs set user_id = null where id = %s',
     'row_changed row 2', 'another user is found'),
    ('update app.audit_logs set occurred_at = occurred_at + interval ''1 microsecond'' where id = %s',
     'row_changed row 2', 'a changed time is found'),
    ('update app.audit_logs set occurred_at = occurred_at + interval ''1 month'' where id = %s',
     'row_changed row 2, row_not_sealed row 2, rows_differ 0',
     'also one that moves the row to another month'),
    ('delete from app.audit_logs where id = %s', 'rows_differ 0', 'a deleted row is found'),
    ('update app.audit_logs as l set new = o.new, row_id = o.row_id, row_hash = o.row_hash
      from app.audit_logs as o where l.id in (%1$s, %2$s) and o.id in (%1$s, %2$s) and o.id <> l.id',
     'row_changed row 1, row_changed row 2, rows_differ 0', 'two swapped rows are found'),
    ('insert into app.audit_logs overriding system value
      select (jsonb_populate_record(l, jsonb_build_object(''occurred_at'',
          l.occurred_at + interval ''1 minute''))).* from app.audit_logs as l where l.id = %s',
     'row_changed row 2, rows_differ 0', 'an inserted row is found'),
    ('insert into app.audit_logs overriding system value
      select (jsonb_populate_record(l, jsonb_build_object(''occurred_at'',
          l.occurred_at + interval ''2 months''))).* from app.audit_logs as l where l.id = %s',
     'row_changed row 2, row_not_sealed row 2', 'also in a month without a seal'))
    as v (sql, problems, sentence);

-- And hashes the rows anew
select is(pg_temp.after(pg_temp.rehash(format(v.sql, :'id_2', :'id_1'))), v.problems, v.sentence)
from (values
    ('update app.audit_logs set new = ''{"note": "as it was not"}'' where id = %s',
     'rows_differ 0', 'a field that was changed with its hash is found by the seal'),
    ('update app.audit_logs as l set new = o.new, row_id = o.row_id
      from app.audit_logs as o where l.id in (%1$s, %2$s) and o.id in (%1$s, %2$s) and o.id <> l.id',
     'rows_differ 0', 'so are two rows that were swapped with theirs'),
    ('insert into app.audit_logs overriding system value
      select (jsonb_populate_record(l, jsonb_build_object(''occurred_at'',
          l.occurred_at + interval ''2 months''))).* from app.audit_logs as l where l.id = %s',
     'row_not_sealed row 2', 'and a row that came later'))
    as v (sql, problems, sentence);

-- And the seals
select is(pg_temp.after(format(v.sql, :'last_seal')), v.problems, v.sentence)
from (values
    ('update app.audit_seals set row_count = 4 where id = %s', 'rows_differ 1, seal_changed 1',
     'a forged seal is found'),
    ('update app.audit_seals as s set previous_hash = sha256('''') where s.id = %1$s;
      update app.audit_seals as s set hash = app.audit_seal_hash(s) where s.id = %1$s',
     'chain_broken 1', 'so is one that does not follow the one before'),
    ('delete from app.audit_seals where id = %s - 1',
     'chain_broken 1, row_not_sealed row 1, row_not_sealed row 2, row_not_sealed row 3',
     'one that is missing'),
    ('update app.audit_seals as s set after_id = after_id + 1 where s.id = %1$s;
      update app.audit_seals as s set hash = app.audit_seal_hash(s) where s.id = %1$s',
     'chain_broken 1, row_not_sealed row 4, rows_differ 1', 'and one that leaves out a row'),
    ('update app.audit_seals as s set kind = ''retirement'', after_id = last_id where s.id = %1$s;
      update app.audit_seals as s set hash = app.audit_seal_hash(s) where s.id = %1$s',
     'chain_broken 1, retirement_differs 1, row_not_sealed row 4, row_not_sealed row 5,'
     ' row_not_sealed row 6',
     'a retirement that never was is found, too')) as v (sql, problems, sentence);

-- A chain that was made anew from its beginning
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
    'a chain that is made anew as it was is whole');
select alike(
    pg_temp.after($$ select pg_temp.rechain(sha256('')) $$), 'chain_broken %',
    'the first seal follows nothing');
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
    'retirement_differs 1', 'the retirement of a month that had no seals is found');

-- The end of the trail
select is(
    pg_temp.after(format('delete from app.audit_logs where id = %s', :'id_7')), 'none',
    'without a seal the last row can be cut off unseen');
select is(
    pg_temp.after(format('delete from app.audit_logs where id = %s', :'id_6')), 'rows_differ 1',
    'with a seal it cannot');
select is(
    pg_temp.after(format(
        'delete from app.audit_logs where id > %s - 4; delete from app.audit_seals where id = %s',
        :'id_7', :'last_seal')), 'none',
    'unless the seal goes as well');
select is(
    pg_temp.after(format(
        'delete from app.audit_logs where id > %s - 4; delete from app.audit_seals where id = %s',
        :'id_7', :'last_seal'), :'exported'), 'exported_seal_missing 2',
    'which the exported seals tell');
select is(
    pg_temp.after(format(
        'update app.audit_seals as s set row_count = 2 where s.id = %1$s;
         delete from app.audit_logs where id = %2$s;
         update app.audit_seals as s set rows_digest = (
             select sha256(string_agg(l.row_hash, '''' order by l.id)) from app.audit_logs as l
             where l.id > s.after_id and l.id <= s.last_id) where s.id = %1$s;
         update app.audit_seals as s set hash = app.audit_seal_hash(s) where s.id = %1$s',
        :'last_seal', :'id_6'), null), 'none',
    'a seal that was made anew with everything that follows tells nothing by itself');
select is(
    pg_temp.after(format(
        'update app.audit_seals as s set row_count = 2 where s.id = %1$s;
         delete from app.audit_logs where id = %2$s;
         update app.audit_seals as s set rows_digest = (
             select sha256(string_agg(l.row_hash, '''' order by l.id)) from app.audit_logs as l
             where l.id > s.after_id and l.id <= s.last_id) where s.id = %1$s;
         update app.audit_seals as s set hash = app.audit_seal_hash(s) where s.id = %1$s',
        :'last_seal', :'id_6'), :'exported'), 'exported_seal_differs 1',
    'but is not the one that was exported');

-- A part of it
select is(
    pg_temp.problems(p_since => (timestamptz :'month' + interval '1 month')::date), 'none',
    'months before p_since are left out');
select is(
    pg_temp.after(
        format('delete from app.audit_logs where id = %s', :'id_6'),
        p_since => (timestamptz :'month' + interval '1 month')::date),
    'rows_differ 1', 'that one is not');
update app.audit_logs set new = '{}' where id = :'id_2';
select is(
    pg_temp.problems(p_since => (timestamptz :'month' + interval '1 month')::date), 'none',
    'with what is wrong in them');
set local session_replication_role = origin;

-- Who may, and what it refuses
set local role telemed_auditor;
select isnt_empty('select * from ops.verify_audit()', 'an auditor verifies the trail');
select throws_ok(format('select ops.verify_audit(%L)', v.exported), 'TM201', null, v.sentence)
from (values
    ('{}', 'exported seals are an array'),
    ('[{"id": "1", "hash": "x"}]', 'of seals')) as v (exported, sentence);
set local role telemed_api;
select throws_ok('select ops.verify_audit()', '42501', null, 'the REST API does not');

select * from finish();
rollback;
