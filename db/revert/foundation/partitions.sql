-- Revert telemed:foundation/partitions from pg

begin;

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
            p_table, v_name, p_month::timestamptz, (p_month + interval '1 month')::timestamptz);
    end if;
    return v_name;
end;
$$;

comment on function app.create_partition(text, date) is
'Makes the partition of a table of the schema app, partitioned by a time, for the month (UTC) that
begins on p_month; the default partition for null. What is named _YYYY_MM is found again by its
name. Only functions of telemed_internal may look into a partition by itself.';

drop function app.close_partition(text);
drop function app.is_partitioned_by_id(text);

commit;
