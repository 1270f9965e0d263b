-- Deploy telemed:audit/record_denial to pg

begin;

set local role telemed_internal;
create function app.is_somebody_elses(p_id uuid, p_user_id uuid)
returns boolean
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return exists (select from app.consultations as c where c.id = p_id)
        or exists (select from app.payments as p where p.id = p_id)
        or exists (select from app.availability_slots as s where s.id = p_id)
        or exists (select from app.time_off as t where t.id = p_id)
        or exists (
            select from app.sessions as s
            where s.id = p_id and s.user_id is distinct from p_user_id);
end;
$$;

comment on function app.is_somebody_elses(uuid, uuid) is
'Whether there is something with this id, for somebody who was told that they have no such thing.';
reset role;

create function api.record_denial(
    p_operation text, p_code text, p_resource_id uuid default null
)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_context app.context;
begin
    perform app.forget_actor();
    v_context := app.proven_context();
    if p_operation is null or p_code is null or p_code !~ '^TM[1-9][0-9][0-9]$' then
        raise exception 'A denial has an operation and a code of the class TM'
            using errcode = 'TM201', column = 'code';
    end if;
    -- Who asks for what never existed has mistyped; who asks for somebody else's has tried.
    if p_code like 'TM4%' and not app.is_somebody_elses(p_resource_id, v_context.user_id) then
        return;
    end if;
    perform app.write_denial(p_operation, p_code, p_resource_id);
end;
$$;

comment on function api.record_denial(text, text, uuid) is
'Records that the caller of the context was refused p_operation with p_code (an SQLSTATE TMnnn): in
a transaction of its own, because the refusal took back everything else. A code TM4nn is recorded
only when p_resource_id is somebody else''s. Raises TM101, TM201.';

grant execute on function api.record_denial(text, text, uuid) to telemed_api, telemed_dba;

commit;
