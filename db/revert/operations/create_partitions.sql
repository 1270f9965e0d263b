-- Revert telemed:operations/create_partitions from pg

begin;

create or replace function ops.create_partitions(p_months integer default 3)
returns setof text
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set lock_timeout = '2s'
as $$
declare
    v_table text;
    v_spilt date;
    v_month date;
begin
    perform app.forget_actor();
    if p_months is null or p_months not between 0 and 120 then
        raise exception 'Partitions are made for 0 to 120 months ahead'
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
        -- Where rows have gone to the default partition, there can be no other one for them.
        v_spilt := app.first_month_in_default(v_table);
        if v_spilt is not null then
            execute format(
                'alter table app.%I detach partition app.%I', v_table, v_table || '_default');
            execute format(
                'alter table app.%I rename to %I', v_table || '_default', v_table || '_spilt');
        end if;
        for v_month in
            select m::date
            from generate_series(
                least(v_spilt, date_trunc('month', now())),
                date_trunc('month', now()) + make_interval(months => p_months), '1 month') as m
            where to_regclass(format('app.%I', v_table || to_char(m, '_YYYY_MM'))) is null
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
'Makes the monthly partitions of the logs, from this month to p_months (0 to 120) ahead, that are
not there yet, and moves what has gone to a default partition meanwhile. Returns their names. It
waits up to 2 s for each lock; writers wait for it only when rows have to be moved. Raises TM201.';

grant execute on function ops.create_partitions(integer) to telemed_dba;

drop function app.next_month_of(text);
drop function app.default_has_month(text, date);

commit;
