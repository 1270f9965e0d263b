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
    -- What an earlier call has verified holds while the context still names the same user.
    v_is_verified boolean := coalesce(
        current_setting('app.verified_user_id', true) <> ''
        and current_setting('app.verified_user_id', true) = current_setting('app.user_id', true),
        false);
    v_context app.context;
begin
    -- A trigger of a partitioned table fires with the name of the partition.
    if v_root is not null then
        select c.relname into strict v_table from pg_class as c where c.oid = v_root;
    end if;

    -- A change by hand, outside the functions of api and ops, perhaps after ops.act_as.
    if not v_is_verified and current_setting('app.proof', true) <> '' then
        v_context := app.proven_context();
    end if;

    insert into app.audit_logs (table_name, row_id, operation, old, new, user_id, role, request_id)
    values (
        v_table,
        coalesce(v_new, v_old) ->> tg_argv[0],
        tg_op,
        v_old,
        v_new,
        case
            when v_is_verified then current_setting('app.verified_user_id')::uuid
            else v_context.user_id
        end,
        case
            when v_is_verified then nullif(current_setting('app.verified_role', true), '')
            else v_context.role
        end,
        case
            when v_is_verified then nullif(current_setting('app.request_id', true), '')
            else v_context.request_id
        end);
    return null;
end;
$$;

comment on function app.record_change() is
'Trigger: writes the old and the new row, the verified context and the database login to the audit
log, under the name of the table and not of its partition. Without a context signature the row names
no user; a wrong signature is refused, see app.proven_context. Arguments: the column that names the
row, then the columns that are left out because they hold secrets. Raises TM101.';

commit;
