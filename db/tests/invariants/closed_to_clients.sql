begin;
\ir ../helpers/one_at_a_time.psql
select plan(12);

-- The rights in the catalog are tried out. Each statement runs as telemed_api; the function returns
-- the statements that are not refused.
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

select cmp_ok((select count(*) from attempt), '>', 100::bigint,
    'there are more than 100 statements to try as telemed_api');
set local role telemed_api;
select is_empty(
    'select pg_temp.not_refused()',
    'telemed_api cannot use any table, view or sequence of the product, nor call a function of '
    'app or ops');
select throws_ok(v.statement, '42501', null, v.sentence)
from (values
    ('select from app.users', 'telemed_api cannot read app.users'),
    ('select app.current_actor()', 'telemed_api cannot call a function of the schema app'),
    ($$ select ops.act_as('admin@example.com') $$, 'telemed_api cannot call ops.act_as'),
    ('create table app.mine ()', 'telemed_api cannot create a table in the schema app'),
    ('create table public.mine ()', 'telemed_api cannot create a table in the schema public'),
    ('create schema mine', 'telemed_api cannot create a schema'),
    ('set local session_replication_role = replica',
     'telemed_api cannot disable triggers by session_replication_role'),
    ('alter function api.my_profile() reset search_path',
     'telemed_api cannot reset the search_path of a function'),
    ($$ comment on function api.my_profile() is 'mine' $$,
     'telemed_api cannot change the comment of a function'),
    ($$ select pg_read_file('/etc/passwd') $$, 'telemed_api cannot read files of the server'))
    as v (statement, sentence);

select * from finish();
rollback;
