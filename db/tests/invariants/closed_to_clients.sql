begin;
select plan(12);

-- What the catalog promises is tried out. Each statement runs as the role of the REST API; what is
-- returned are those that are not refused.
create temp table attempt (statement text not null) on commit drop;
grant select on attempt to public;

insert into attempt
select format(v.pattern, c.oid::regclass)
from pg_class as c
cross join (values
    ('select from %s'), ('insert into %s default values'), ('delete from %s'), ('truncate %s'),
    ('lock table %s in access share mode')) as v (pattern)
where c.relkind = 'r' and c.relnamespace = 'app'::regnamespace
union all
select format('select from %s', c.oid::regclass)
from pg_class as c
where c.relkind = 'v'
  and c.relnamespace in ('app'::regnamespace, 'api'::regnamespace, 'ops'::regnamespace)
union all
select format('select %s(%s)', p.oid::regproc, array_to_string(
    array(
        select format(
            '%s null::%s', case when p.provariadic <> 0 and t.n = p.pronargs then 'variadic' end,
            format_type(t.type_oid, null))
        from unnest(p.proargtypes::oid[]) with ordinality as t (type_oid, n) order by n), ', '))
from pg_proc as p
where p.pronamespace in ('app'::regnamespace, 'ops'::regnamespace)
  and p.prorettype <> 'trigger'::regtype
union all
select format('select nextval(%L)', c.oid::regclass)
from pg_class as c
where c.relkind = 'S' and c.relnamespace = 'app'::regnamespace;

create function pg_temp.not_refused()
returns setof text language plpgsql
as $$
declare
    v_statement text;
begin
    for v_statement in select a.statement from attempt as a loop
        begin
            execute v_statement;
            return next v_statement;
        exception
            when insufficient_privilege then
                null;
            when others then
                return next format('%s: %s', v_statement, sqlerrm);
        end;
    end loop;
end;
$$;

select cmp_ok((select count(*) from attempt), '>', 100::bigint, 'there is much to try');
set local role telemed_api;
select is_empty(
    'select pg_temp.not_refused()',
    'the REST API reads, changes or calls nothing but the functions of the contract');
select throws_ok(v.statement, '42501', null, v.sentence)
from (values
    ('select from app.users', 'it does not read accounts'),
    ('select app.current_actor()', 'it does not call internal functions'),
    ($$ select ops.act_as('admin@example.com') $$, 'it does not act as somebody else'),
    ('create table app.mine ()', 'it makes no table beside ours'),
    ('create table public.mine ()', 'nor anywhere else'),
    ('create schema mine', 'it makes no schema'),
    ('set local session_replication_role = replica', 'it does not switch triggers off'),
    ('alter function api.my_profile() reset search_path', 'it does not loosen a function'),
    ($$ comment on function api.my_profile() is 'mine' $$, 'it does not even comment on one'),
    ($$ select pg_read_file('/etc/passwd') $$, 'it does not read files of the server'))
    as v (statement, sentence);

select * from finish();
rollback;
