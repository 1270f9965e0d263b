-- Deploy telemed:operations/create_partitions to pg

begin;

set local role telemed_internal;
create function app.default_has_month(p_table text, p_month date)
returns boolean
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
    v_has boolean;
begin
    execute format(
        'select exists (select from app.%I as d where d.id >= $1 and d.id < $2)',
        p_table || '_default')
    using app.first_id_since(p_month), app.first_id_since(p_month + interval '1 month')
    into v_has;
    return v_has;
end;
$$;

comment on function app.default_has_month(text, date) is
'Returns whether the default partition of a table that is partitioned by its id has rows of a month
(UTC).';

create function app.next_month_of(p_table text)
returns timestamptz
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
begin
    return (
        select (max(to_date(right(c.relname, 7), 'YYYY_MM')) + interval '1 month')::timestamptz
        from pg_inherits as i
        inner join pg_class as c on c.oid = i.inhrelid
        where i.inhparent = format('app.%I', p_table)::regclass
          and c.relname ~ '_[0-9]{4}_[0-9]{2}$');
end;
$$;

comment on function app.next_month_of(text) is
'The month (UTC) after the newest partition of a table; null if it has none.';
reset role;

create or replace function ops.create_partitions(p_months integer default 3)
returns setof text
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set lock_timeout = '2s'
as $$
declare
    v_table text;
    v_by_id boolean;
    v_spilt date;
    v_month date;
begin
    perform app.forget_actor();
    if p_months is null or p_months not between 0 and 120 then
        raise exception 'Give 0 to 120 months'
            using errcode = 'TM201', column = 'months';
    end if;
    perform pg_advisory_xact_lock(hashtextextended('app.partitions', 0));

    for v_table in
        select c.relname::text
        from pg_partitioned_table as p
        inner join pg_class as c on c.oid = p.partrelid
        where c.relnamespace = 'app'::regnamespace
        order by 1
    loop
        -- PostgreSQL creates no partition for rows that are in the default partition. Rows of a log
        -- are moved; rows that other tables refer to stay in the default partition.
        v_by_id := app.is_partitioned_by_id(v_table);
        v_spilt := case when not v_by_id then app.first_month_in_default(v_table) end;
        if v_spilt is not null then
            execute format(
                'alter table app.%I detach partition app.%I', v_table, v_table || '_default');
            execute format(
                'alter table app.%I rename to %I', v_table || '_default', v_table || '_spilt');
        end if;
        for v_month in
            select m::date
            from generate_series(
                least(v_spilt, date_trunc('month', now()), app.next_month_of(v_table)),
                date_trunc('month', now()) + make_interval(months => p_months), '1 month') as m
            where to_regclass(format('app.%I', v_table || to_char(m, '_YYYY_MM'))) is null
              and not (v_by_id and app.default_has_month(v_table, m::date))
        loop
            return next app.create_partition(v_table, v_month);
        end loop;
        if v_spilt is not null then
            return next app.create_partition(v_table);
            perform app.move_rows(v_table || '_spilt', v_table);
            execute format('drop table app.%I', v_table || '_spilt');
        end if;
    end loop;
end;
$$;

comment on function ops.create_partitions(integer) is
'Creates the missing monthly partitions of the logs, from this month, or from the one after the
newest partition if that is earlier, to p_months (0 to 120) ahead, and moves rows from the default
partition to the partitions of their months. It does the same for consultations if they are
partitioned, but skips months whose rows are in the default partition. Returns the names of the new
partitions. It waits up to 2 s for each lock; writers of a log wait for it only if rows have to be
moved. Raises TM201.';

grant execute on function ops.create_partitions(integer) to telemed_dba;

commit;
