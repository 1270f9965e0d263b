-- Deploy telemed:audit/changes_of_row to pg

begin;

set local role telemed_internal;
create function app.changes_of_row(p_table_name text, p_row_id text)
returns setof app.audit_logs
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    -- A row has no changes from before its id was made, so earlier partitions can be skipped.
    v_from constant timestamptz := case
        when p_row_id ~ '^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$'
            then app.time_of_id(p_row_id::uuid) - interval '1 day'
        else '-infinity'
    end;
begin
    return query
    select l.*
    from app.audit_logs as l
    where l.table_name = p_table_name and l.row_id = p_row_id and l.occurred_at >= v_from
    order by l.id;
end;
$$;

comment on function app.changes_of_row(text, text) is
'Returns the rows of the audit log about one row, the oldest first. The calling function has checked
that its caller may see the row.';

commit;
