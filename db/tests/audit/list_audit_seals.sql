begin;
\ir ../helpers/actors.psql
select plan(15);

reset role;
set local role telemed_dba;
select ops.seal_audit(10000000, '1 minute') \g /dev/null
reset role;
insert into app.audit_logs (occurred_at, table_name, row_id, operation, new)
select now(), 'charts', 'c-' || n, 'INSERT', '{}' from generate_series(1, 3) as n;
set local role telemed_dba;
select ops.seal_audit(1, '1 minute') \g /dev/null
select ops.seal_audit(10000000, '1 minute') \g /dev/null
reset role;
select max(id) as last, max(id) - 1 as seal, array_agg(id::text order by id desc) as ids
from app.audit_seals \gset
select encode(hash, 'hex') as hash from app.audit_seals where id = :last \gset
set local role telemed_api;

select pg_temp.sign_in('admin');
select is(array_agg(s.id::text), :'ids'::text[], 'list_audit_seals: an admin gets the seals, the latest first')
from api.list_audit_seals() as s;
select ok(bool_and(s.is_intact), 'list_audit_seals: seals that nobody has changed are intact')
from api.list_audit_seals() as s;
select is((s.kind, s.hash)::text, format('(rows,%s)', :'hash'),
    'list_audit_seals: a seal has its kind and its hash')
from api.list_audit_seals() as s where s.id = :last;
select is(s.row_count, 1::bigint, 'list_audit_seals: a seal has the number of its rows')
from api.list_audit_seals() as s where s.id = :seal;
select is(
    pg_temp.all_pages('api.list_audit_seals(p_limit => 1, p_cursor => %L)'), :'ids'::text[],
    'list_audit_seals: pages show each seal once');
select is(
    pg_temp.all_pages($$ api.list_audit_seals('id', 2, %L) $$),
    (select array_agg(i order by i::bigint) from unnest(:'ids'::text[]) as i),
    'list_audit_seals: the oldest first in the other order');

-- Changes by somebody who can switch triggers off
create function pg_temp.damaged_by(p_sql text)
returns text language plpgsql
as $$
declare
    v_damaged text;
begin
    reset role;
    set local session_replication_role = replica;
    execute p_sql;
    set local role telemed_api;
    perform pg_temp.sign_in('admin');
    v_damaged := (select string_agg(s.id::text, ' ') from api.list_audit_seals() as s
        where not s.is_intact);
    raise exception using message = coalesce(v_damaged, 'none'), errcode = 'XX999';
exception when sqlstate 'XX999' then
    return sqlerrm;
end;
$$;
select is(pg_temp.damaged_by(format(v.sql, :last, :seal)), v.damaged, 'list_audit_seals: ' || v.sentence)
from (values
    ('update app.audit_seals set row_count = row_count + 1 where id = %s', :'last',
     'a changed seal is not intact'),
    ('update app.audit_seals as s set previous_hash = sha256('''') where s.id = %1$s;
      update app.audit_seals as s set hash = app.audit_seal_hash(s) where s.id = %1$s', :'last',
     'a seal that does not follow the seal before it is not intact'),
    ('delete from app.audit_seals where id = %2$s', :'last',
     'a seal without the seal before it is not intact'))
    as v (sql, damaged, sentence);

select is(
    pg_temp.refusal(v.actor, 'select api.list_audit_seals(' || v.arguments || ')'), v.refusal,
    'list_audit_seals: ' || v.sentence)
from (values
    ('patient', '', 'TM301', 'a patient is refused'),
    ('doctor', '', 'TM301', 'a doctor is refused'),
    ('nobody', '', 'TM101', 'a caller without a context is refused'),
    ('admin', $$ 'month' $$, 'TM201 order', 'another order is refused'),
    ('admin', 'p_limit => 0', 'TM201 limit', 'an empty page is refused'),
    ('admin', format('p_cursor => %L', pg_temp.cursor_after(
         'admin', $$ api.list_audit_seals('id', p_limit => 1) $$)),
     'TM201 cursor', 'a cursor of the list in the other order is refused'))
    as v (actor, arguments, refusal, sentence);

select * from finish();
rollback;
