-- Deploy telemed:consultations/complete_consultation to pg

begin;

create function api.complete_consultation(p_consultation_id uuid, p_notes text default null)
returns api.consultations
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_visible app.consultations :=
        app.visible_consultation(app.require_role('doctor'), p_consultation_id);
    v_consultation api.consultations;
begin
    -- Of two changes at once the second waits for the row and then no longer finds it scheduled.
    update app.consultations
    set status = 'completed', notes = p_notes
    where id = v_visible.id and status = 'scheduled';
    if not found then
        raise exception 'Only a scheduled consultation can be completed' using errcode = 'TM905';
    end if;

    select c.* into strict v_consultation from api.consultations as c where c.id = v_visible.id;
    return v_consultation;
end;
$$;

comment on function api.complete_consultation(uuid, text) is
'Completes a scheduled consultation of the calling doctor, also before its time; p_notes: 1 to 4000
characters. It can never be changed afterwards. Raises TM101, TM102, TM301, TM403, TM905.';

grant execute on function api.complete_consultation(uuid, text) to telemed_api, telemed_dba;

commit;
