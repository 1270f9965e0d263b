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
'Returns whether p_id names a consultation, payment, slot or time off, or a session of another user
than p_user_id: whether a refusal TM4nn was about something that exists.';
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
        raise exception 'Give an operation and a code TM1nn to TM9nn'
            using errcode = 'TM201', column = 'code';
    end if;
    -- An unknown id is a typing error. The id of somebody else's resource is an attempt.
    if p_code like 'TM4%' and not app.is_somebody_elses(p_resource_id, v_context.user_id) then
        return;
    end if;
    perform app.write_denial(p_operation, p_code, p_resource_id);
end;
$$;

comment on function api.record_denial(text, text, uuid) is
'Writes to the access log that the caller of the context was refused p_operation with p_code (an
SQLSTATE TM1nn to TM9nn). The REST API calls it in a transaction of its own, because the refusal
rolled its transaction back. A code TM4nn is recorded only if p_resource_id is the id of somebody
else''s resource. Raises TM101, TM201.';

grant execute on function api.record_denial(text, text, uuid) to telemed_api, telemed_dba;

commit;
