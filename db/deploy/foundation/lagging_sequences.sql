-- Deploy telemed:foundation/lagging_sequences to pg

begin;

set local role telemed_internal;

create function app.lagging_sequences()
returns table (sequence_name text, highest bigint)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_sequence record;
begin
    for v_sequence in
        select s.oid, d.refobjid::regclass as table_name, a.attname as column_name
        from pg_class as s
        inner join pg_depend as d
            on d.classid = 'pg_class'::regclass
            and d.objid = s.oid
            and d.refclassid = 'pg_class'::regclass
            and d.deptype in ('a', 'i')
        inner join pg_attribute as a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
        where s.relkind = 'S'
          and s.relnamespace in ('app'::regnamespace, 'procrastinate'::regnamespace)
        order by s.oid
    loop
        -- The column first: a row that appears meanwhile has a number that the sequence has drawn.
        execute format(
            'select max(%I) from %s', v_sequence.column_name, v_sequence.table_name)
            into highest;
        if highest > coalesce(pg_sequence_last_value(v_sequence.oid), 0) then
            sequence_name := v_sequence.oid::regclass::text;
            return next;
        end if;
    end loop;
end;
$$;

comment on function app.lagging_sequences() is
'The sequences that are behind the column that they number, with the highest number there: the next
rows would get numbers that exist. A copy of the rows without the sequences, as logical replication
makes it, leaves them behind.';

reset role;

commit;
