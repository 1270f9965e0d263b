-- Deploy telemed:audit/write_denial to pg

begin;

set local role telemed_internal;
create function app.write_denial(p_operation text, p_code text, p_resource_id uuid)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_context app.context := app.proven_context();
begin
    insert into app.access_logs (kind, operation, resource_ids, code, user_id, role, request_id)
    values (
        'denied', p_operation, array_remove(array[p_resource_id], null), p_code,
        v_context.user_id, v_context.role, v_context.request_id);
end;
$$;

comment on function app.write_denial(text, text, uuid) is
'Writes a refusal to the access log, with the user of the context, whose account may be deactivated.
Raises TM101.';

commit;
