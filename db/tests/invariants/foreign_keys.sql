begin;
select plan(4);

select cmp_ok(
    (select count(*) from pg_constraint where contype = 'f' and connamespace = 'app'::regnamespace),
    '>', 0::bigint, 'there are foreign keys to look at');

-- An index helps when it begins with the columns of the key, or when it finds at most one row by
-- some of them. A partial one helps only when it leaves out no row but those without a reference.
select is_empty(
    $$
    select c.conrelid::regclass, c.conname
    from pg_constraint as c
    where c.contype = 'f'
      and c.connamespace = 'app'::regnamespace
      and not exists (
          select from pg_index as i
          cross join lateral (
              select
                  (i.indkey::int2[])[0:cardinality(c.conkey) - 1] as leading,
                  (i.indkey::int2[])[0:i.indnkeyatts - 1] as whole) as k
          where i.indrelid = c.conrelid
            and i.indisvalid
            and (
                (k.leading @> c.conkey and k.leading <@ c.conkey
                 and (i.indpred is null
                      or pg_get_expr(i.indpred, i.indrelid) in (
                          select format('(%I IS NOT NULL)', a.attname) from pg_attribute as a
                          where a.attrelid = c.conrelid and a.attnum = any (c.conkey))))
                or (i.indisunique and i.indpred is null and i.indexprs is null
                    and k.whole <@ c.conkey)))
    $$,
    'every foreign key has an index');
select is_empty(
    $$
    select conrelid::regclass, conname from pg_constraint
    where connamespace = 'app'::regnamespace and contype = 'f'
      and (confdeltype <> 'a' or confupdtype <> 'a')
    $$,
    'no row disappears or changes because another one does');
select is_empty(
    $$
    select conrelid::regclass, conname from pg_constraint
    where connamespace = 'app'::regnamespace and not convalidated
    union all
    select indrelid::regclass, indexrelid::regclass::name from pg_index
    inner join pg_class on pg_class.oid = indrelid
    where relnamespace = 'app'::regnamespace and not indisvalid
    $$,
    'every constraint and every index holds for all rows');

select * from finish();
rollback;
