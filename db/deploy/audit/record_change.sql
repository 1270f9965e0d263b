-- Deploy telemed:audit/record_change to pg

begin;

-- What a row looks like as JSON depends on these two settings of the session; the trail does not.
-- Trigger arguments: first the column that names the row, then the columns that hold secrets.
create function app.record_change()
returns trigger
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set bytea_output = hex
as $$
declare
    v_old jsonb := to_jsonb(old) - tg_argv[1:];
    v_new jsonb := to_jsonb(new) - tg_argv[1:];
begin
    insert into app.audit_logs (table_name, row_id, operation, old, new, user_id, role, request_id)
    values (
        tg_table_name,
        coalesce(v_new, v_old) ->> tg_argv[0],
        tg_op,
        v_old,
        v_new,
        nullif(current_setting('app.user_id', true), '')::uuid,
        nullif(current_setting('app.role', true), ''),
        nullif(current_setting('app.request_id', true), ''));
    return null;
end;
$$;

comment on function app.record_change() is
'Trigger: writes the old and the new row, the caller''s context and the database login to
app.audit_logs. Arguments: the column that identifies the row, then columns to leave out
because they hold secrets.';

commit;
