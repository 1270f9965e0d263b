-- Deploy telemed:payments/list_payments to pg

begin;

create function api.list_payments(
    p_consultation_id uuid,
    p_limit integer default 50,
    p_cursor uuid default null
)
returns setof api.payments
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_actor app.actor := app.require_role('patient', 'admin');
    v_visible app.consultations := app.visible_consultation(v_actor, p_consultation_id);
begin
    perform app.check_limit(p_limit);
    return query
    select p.*
    from api.payments as p
    where p.consultation_id = v_visible.id and (p_cursor is null or p.id > p_cursor)
    order by p.id
    limit p_limit;
end;
$$;

comment on function api.list_payments(uuid, integer, uuid) is
'Payments and refunds of a consultation, the oldest first, for its patient and admins. p_limit: 1 to
1000 rows; p_cursor: id of the last row seen. Raises TM101, TM102, TM201, TM301, TM302, TM403.';

grant execute on function api.list_payments(uuid, integer, uuid) to telemed_api, telemed_dba;

commit;
