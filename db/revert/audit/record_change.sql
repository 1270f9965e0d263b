-- Revert telemed:audit/record_change from pg

begin;

-- What a row looks like as JSON depends on these two settings of the session; the trail does not.
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
    -- What an earlier call has verified counts as long as the context is still of the same user.
    v_is_verified boolean := coalesce(
        current_setting('app.verified_user_id', true) <> ''
        and current_setting('app.verified_user_id', true) = current_setting('app.user_id', true),
        false);
    v_context app.context;
begin
    -- Outside the functions of api and ops: somebody changes a row by hand, perhaps after act_as.
    if not v_is_verified and current_setting('app.proof', true) <> '' then
        v_context := app.proven_context();
    end if;

    insert into app.audit_logs (table_name, row_id, operation, old, new, user_id, role, request_id)
    values (
        tg_table_name,
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
'Trigger: writes the old and the new row, the caller''s context and the database login to
app.audit_logs. What is not proven is not written: see app.proven_context. Arguments: the column
that identifies the row, then columns to leave out because they hold secrets. Raises TM101.';

commit;
