-- Deploy telemed:audit/record_change to pg

begin;

-- The JSON of a row depends on timezone and bytea_output, so the function sets both.
-- Trigger arguments: first the column that names the row, then the columns that hold secrets.
set local role telemed_internal;
create or replace function app.record_change()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set bytea_output = hex
as $$
declare
    v_old jsonb := to_jsonb(old) - tg_argv[1:];
    v_new jsonb := to_jsonb(new) - tg_argv[1:];
    v_root regclass := pg_partition_root(tg_relid);
    v_table name := tg_table_name;
    v_caller app.context := app.caller_of_change();
begin
    -- A trigger of a partitioned table fires with the name of the partition.
    if v_root is not null then
        select c.relname into strict v_table from pg_class as c where c.oid = v_root;
    end if;

    insert into app.audit_logs (table_name, row_id, operation, old, new, user_id, role, request_id)
    values (
        v_table,
        coalesce(v_new, v_old) ->> tg_argv[0],
        tg_op,
        v_old,
        v_new,
        v_caller.user_id,
        v_caller.role,
        v_caller.request_id);
    return null;
end;
$$;

comment on function app.record_change() is
'Trigger: writes the old and the new row, the verified context and the database login to the audit
log, under the name of the table and not of its partition. Without a context signature the row names
no user; a wrong signature is refused, see app.proven_context. Arguments: the column that names the
row, then the columns that are left out because they hold secrets. Raises TM101.';

commit;
