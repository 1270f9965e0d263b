-- Deploy telemed:foundation/partitions to pg

begin;

create function app.first_id_at(p_at timestamptz)
returns uuid
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
    return encode(
        substring(int8send((extract(epoch from p_at) * 1000)::bigint) from 3)
        || decode('00000000000000000000', 'hex'), 'hex')::uuid;
end;
$$;

comment on function app.first_id_at(timestamptz) is
'The lowest identifier that app.uuid_v7 may have made at a time or later, which nothing has: a bound
between what was made before and since. To the millisecond.';

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
'Whether a table of the schema app is partitioned by identifiers of app.uuid_v7. Otherwise it is
partitioned by a time, if at all.';

-- Made as a table and then attached: that takes no lock for which a writer would have to wait
-- (SHARE UPDATE EXCLUSIVE), where CREATE TABLE ... PARTITION OF would (ACCESS EXCLUSIVE).
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
    execute format('alter table app.%I enable row level security', v_name);
    execute format('alter table app.%I force row level security', v_name);
    execute format(
        'create policy %I on app.%I to telemed_internal using (true)',
        v_name || '_are_all_there_for_internal_functions', v_name);
    execute format(
        'create trigger %I before truncate on app.%I '
        'for each statement execute function app.%I()',
        v_name || '_are_never_truncated', v_name, 'rows_are_append_only');
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
            case when v_by_id then app.first_id_at(v_from)::text else v_from::text end,
            case when v_by_id then app.first_id_at(v_until)::text else v_until::text end);
    end if;
    return v_name;
end;
$$;

comment on function app.create_partition(text, date) is
'Makes the partition of a table of the schema app, partitioned by a time or by identifiers of
app.uuid_v7, for the month (UTC) that begins on p_month; the default partition for null. What is
named _YYYY_MM is found again by its name. Only functions of telemed_internal may look into a
partition by itself.';

commit;
