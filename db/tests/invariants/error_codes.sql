begin;
select plan(12);

-- Each code in the body of a function.
create temp table raised on commit drop as
select distinct p.oid, format('%s.%s', n.nspname, p.proname) as function_name, m.code[1] as code
from pg_proc as p
inner join pg_namespace as n on n.oid = p.pronamespace
cross join lateral regexp_matches(p.prosrc, '''(TM[0-9A-Z]{3})''', 'g') as m (code)
where n.nspname in ('app', 'api', 'ops', 'work');

-- Each code in the comment of a function.
create temp table promised on commit drop as
select distinct p.oid, m.code[1] as code
from pg_proc as p
inner join pg_namespace as n on n.oid = p.pronamespace
cross join lateral regexp_matches(
    obj_description(p.oid, 'pg_proc'), '\m(TM[0-9]{3})\M', 'g') as m (code)
where n.nspname in ('app', 'api', 'ops', 'work');

-- The functions that a function calls, and the trigger functions that it may fire.
create temp table calls on commit drop as
select distinct p.oid, callee.oid as callee
from pg_proc as p
inner join pg_namespace as n on n.oid = p.pronamespace
cross join lateral regexp_matches(p.prosrc, '\m(app|api|ops|work)\.(\w+)\s*\(', 'g') as m (name)
inner join pg_namespace as s on s.nspname = m.name[1]
inner join pg_proc as callee on callee.pronamespace = s.oid and callee.proname = m.name[2]
where n.nspname in ('app', 'api', 'ops', 'work');

create temp table sets_off on commit drop as
select p.oid, t.tgfoid as callee
from pg_proc as p
inner join pg_trigger as t
    on p.prosrc ~ format('\m(into|update|from)\s+%s\M', t.tgrelid::regclass)
where p.pronamespace in ('app'::regnamespace, 'api'::regnamespace, 'ops'::regnamespace,
    'work'::regnamespace);

-- db/errors.md; tests run in the root of the checkout.
\set content `cat db/errors.md`
create temp table documented on commit drop as
select
    m.code[1] as code,
    trim(split_part(l.line, '|', 3)) as meaning,
    trim(split_part(l.line, '|', 4)) as status
from regexp_split_to_table(:'content', E'\n') as l (line)
cross join lateral regexp_matches(l.line, '^\| `(TM[0-9]{3})` \|') as m (code);

select cmp_ok((select count(*) from raised), '>', 0::bigint,
    'there are codes in the bodies of functions');
select cmp_ok((select count(*) from documented), '>', 0::bigint, 'there are codes in db/errors.md');

-- Codes
select is_empty(
    $$ select * from raised where code !~ '^TM(00[01]|[12345689][0-9]{2})$' $$,
    'every code is of a family that has an HTTP status');
select is_empty(
    $$
    select p.oid::regprocedure, m.code[1]
    from pg_proc as p
    cross join lateral regexp_matches(p.prosrc, 'errcode\s*=\s*''([^'']*)''', 'g') as m (code)
    where p.pronamespace in ('app'::regnamespace, 'api'::regnamespace, 'ops'::regnamespace,
    'work'::regnamespace)
      and m.code[1] !~ '^TM'
    $$,
    'every errcode in a function is of the class TM');
select is_empty(
    $$
    select p.oid::regprocedure from pg_proc as p
    where p.pronamespace in ('app'::regnamespace, 'api'::regnamespace, 'ops'::regnamespace,
    'work'::regnamespace)
      and p.prosrc ~ 'raise exception' and p.prosrc !~ 'errcode'
    $$,
    'every function that raises an exception sets an errcode');

-- Comments
select is_empty(
    $$
    select r.function_name, r.code from raised as r
    where not exists (select from promised as p where p.oid = r.oid and p.code = r.code)
    $$,
    'every code that a function raises stands in its comment');
select is_empty(
    $$
    select c.oid::regprocedure, c.callee::regprocedure, p.code
    from calls as c
    inner join promised as p on p.oid = c.callee
    where p.code <> 'TM000'
      and not exists (select from promised as q where q.oid = c.oid and q.code = p.code)
    $$,
    'every code in the comment of a called function stands in the comment of the caller');
select is_empty(
    $$
    select p.oid::regprocedure, p.code
    from promised as p
    where not exists (select from raised as r where r.oid = p.oid and r.code = p.code)
      and not exists (
          select from (select * from calls union select * from sets_off) as c
          inner join promised as q on q.oid = c.callee
          where c.oid = p.oid and q.code = p.code)
    $$,
    'every code in the comment of a function can be raised');

-- db/errors.md
select is_empty(
    'select code from raised except select code from documented',
    'every code that is raised stands in db/errors.md');
select is_empty(
    'select code from documented except select code from raised',
    'every code in db/errors.md is raised by a function');
select is_empty(
    'select code from documented group by code having count(*) > 1',
    'every code stands in db/errors.md once');
select is_empty(
    $$
    select code, status from documented
    where left(status, 3) is distinct from case left(code, 3)
        when 'TM0' then 'unc' when 'TM1' then '401' when 'TM2' then '422' when 'TM3' then '403'
        when 'TM4' then '404' when 'TM5' then '412' when 'TM6' then '428' when 'TM8' then '429'
        when 'TM9' then '409' end
       or meaning = ''
    $$,
    'every code in db/errors.md has a meaning and the HTTP status of its family');

select * from finish();
rollback;
