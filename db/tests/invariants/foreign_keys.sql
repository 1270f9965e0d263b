begin;
select plan(6);

select cmp_ok(
    (select count(*) from pg_constraint where contype = 'f' and connamespace = 'app'::regnamespace),
    '>', 0::bigint, 'there are foreign keys to look at');

-- An index serves a foreign key if it begins with the columns of the key, or if it is unique over
-- some of them. A partial index serves only if it leaves out nothing but rows without a reference.
-- A column that a CHECK pins to one value need not be in the index: all rows have the same value.
-- PostgreSQL uses the index when a row is deleted to which the key may refer, or when its columns
-- change. Two keys refer to rows for which triggers refuse both, so they need no index, which every
-- booking would have to write.
create temp view foreign_key as
select
    c.conrelid,
    c.conname,
    array(
        select k.attnum from unnest(c.conkey) as k (attnum)
        inner join pg_attribute as a on a.attrelid = c.conrelid and a.attnum = k.attnum
        where not exists (
            select from pg_constraint as p
            where p.conrelid = c.conrelid and p.contype = 'c' and p.conkey = array[k.attnum]
              and p.convalidated and a.attnotnull
              and pg_get_expr(p.conbin, p.conrelid)
                  ~ format('^\(%I = ''[^'']*''::text\)$', a.attname))
    ) as columns
from pg_constraint as c
where c.contype = 'f' and c.connamespace = 'app'::regnamespace;

select results_eq(
    $$
    select k.conrelid::regclass::text, cardinality(k.columns)
    from foreign_key as k
    inner join pg_constraint as c on c.conrelid = k.conrelid and c.conname = k.conname
    where cardinality(k.columns) < cardinality(c.conkey)
    order by 1
    $$,
    $$ values ('app.consultations', 1), ('app.doctors', 1) $$,
    'two foreign keys have a column that a CHECK pins to one value: the role');

select set_eq(
    $$
    select c.conrelid::regclass, c.conname
    from foreign_key as c
    where not exists (
        select from pg_index as i
        cross join lateral (
            select
                (i.indkey::int2[])[0:cardinality(c.columns) - 1] as leading,
                (i.indkey::int2[])[0:i.indnkeyatts - 1] as whole) as k
        where i.indrelid = c.conrelid
          and i.indisvalid
          and (
              (k.leading @> c.columns and k.leading <@ c.columns
               and (i.indpred is null
                    or pg_get_expr(i.indpred, i.indrelid) in (
                        select format('(%I IS NOT NULL)', a.attname) from pg_attribute as a
                        where a.attrelid = c.conrelid and a.attnum = any (c.columns))))
              or (i.indisunique and i.indpred is null and i.indexprs is null
                  and k.whole <@ c.columns)))
    $$,
    $$
    values ('app.availability_slots'::regclass, 'availability_slots_doctor_id_fkey'::name),
           ('app.consultations'::regclass, 'consultations_slot_id_fkey'::name)
    $$,
    'every foreign key has an index, with two exceptions');
select set_eq(
    $$
    select t.tgrelid::regclass, t.tgname from pg_trigger as t
    where t.tgenabled = 'O' and t.tgqual is null and t.tgtype::integer & 3 = 3
      and t.tgname in (
          'availability_slots_are_never_deleted', 'availability_slots_keep_their_time',
          'doctors_are_never_deleted', 'doctors_stay_with_their_user')
    $$,
    $$
    values ('app.availability_slots'::regclass, 'availability_slots_are_never_deleted'::name),
           ('app.availability_slots'::regclass, 'availability_slots_keep_their_time'::name),
           ('app.doctors'::regclass, 'doctors_are_never_deleted'::name),
           ('app.doctors'::regclass, 'doctors_stay_with_their_user'::name)
    $$,
    'the rows to which foreign keys without an index refer are never deleted, nor get another id');
select is_empty(
    $$
    select conrelid::regclass, conname from pg_constraint
    where connamespace = 'app'::regnamespace and contype = 'f'
      and (confdeltype <> 'a' or confupdtype <> 'a')
    $$,
    'no foreign key cascades a delete or an update');
select is_empty(
    $$
    select conrelid::regclass, conname from pg_constraint
    where connamespace = 'app'::regnamespace and not convalidated
    union all
    select indrelid::regclass, indexrelid::regclass::name from pg_index
    inner join pg_class on pg_class.oid = indrelid
    where relnamespace = 'app'::regnamespace and not indisvalid
    $$,
    'every constraint is validated and every index is valid');

select * from finish();
rollback;
