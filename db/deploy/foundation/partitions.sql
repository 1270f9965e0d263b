-- Deploy telemed:foundation/partitions to pg

begin;

create function app.is_partitioned_by_id(p_table text)
returns boolean
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return exists (
        select from pg_partitioned_table as p
        inner join pg_attribute as a
            on a.attrelid = p.partrelid and a.attnum = p.partattrs[0]
        where p.partrelid = format('app.%I', p_table)::regclass and a.atttypid = 'uuid'::regtype);
end;
$$;

comment on function app.is_partitioned_by_id(text) is
'Whether a table of the schema app is partitioned by identifiers of app.uuid_v7. The other
partitioned tables are partitioned by a time.';

create function app.close_partition(p_name text)
returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    execute format('alter table app.%I enable row level security', p_name);
    execute format('alter table app.%I force row level security', p_name);
    execute format(
        'create policy %I on app.%I to telemed_internal using (true)',
        p_name || '_are_all_there_for_internal_functions', p_name);
    execute format(
        'create trigger %I before truncate on app.%I '
        'for each statement execute function app.%I()',
        p_name || '_are_never_truncated', p_name, 'rows_are_append_only');
end;
$$;

comment on function app.close_partition(text) is
'Closes a table of the schema app that is, or will be, a partition: only functions of
telemed_internal can read it by itself, and it cannot be truncated.';

-- The table is created and then attached, which needs a lock that no writer waits for (SHARE UPDATE
-- EXCLUSIVE); CREATE TABLE ... PARTITION OF needs ACCESS EXCLUSIVE.
create or replace function app.create_partition(p_table text, p_month date default null)
returns text
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
    v_name text := p_table || coalesce(to_char(p_month, '_YYYY_MM'), '_default');
    v_from timestamptz := p_month::timestamptz;
    v_until timestamptz := (p_month + interval '1 month')::timestamptz;
    v_by_id boolean := app.is_partitioned_by_id(p_table);
begin
    perform pg_advisory_xact_lock(hashtextextended('app.partitions', 0));
    execute format('create table app.%I (like app.%I including constraints)', v_name, p_table);
    execute format('comment on table app.%I is %L', v_name, format(
        'Rows of app.%s %s.', p_table,
        coalesce(
            to_char(p_month, '"of "YYYY-MM" (UTC)"'), 'for whose month there is no partition')));
    perform app.close_partition(v_name);
    if p_month is null then
        execute format(
            'create trigger %I after insert on app.%I '
            'for each row execute function app.%I()',
            v_name || '_is_told_of', v_name, 'default_partition_is_used');
        execute format('alter table app.%I attach partition app.%I default', p_table, v_name);
    else
        execute format(
            'alter table app.%I attach partition app.%I for values from (%L) to (%L)',
            p_table, v_name,
            case when v_by_id then app.first_id_since(v_from)::text else v_from::text end,
            case when v_by_id then app.first_id_since(v_until)::text else v_until::text end);
    end if;
    return v_name;
end;
$$;

comment on function app.create_partition(text, date) is
'Creates the partition of a table of the schema app, partitioned by a time or by identifiers of
app.uuid_v7, for the month (UTC) that begins on p_month; null creates the default partition. Returns
the name, which ends in _YYYY_MM or _default and by which the partition is found again. The
partition is closed: see app.close_partition.';

commit;
