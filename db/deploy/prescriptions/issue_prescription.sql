-- Deploy telemed:prescriptions/issue_prescription to pg

begin;

create function api.issue_prescription(
    p_consultation_id uuid,
    p_items jsonb,
    p_notes text default null
)
returns api.prescriptions
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_consultation app.consultations :=
        app.visible_consultation(app.require_role('doctor'), p_consultation_id);
    v_prescription_id uuid;
    v_prescription api.prescriptions;
begin
    if jsonb_typeof(p_items) is distinct from 'array'
        or jsonb_array_length(p_items) not between 1 and 50 then
        raise exception 'items must be an array of 1 to 50 items'
            using errcode = 'TM201', column = 'items';
    end if;
    if exists (
        select from jsonb_array_elements(p_items) as i (item)
        where case
            when jsonb_typeof(i.item) = 'object' then
                i.item - '{drug,dosage,instructions,duration_days}'::text[] <> '{}'
                or jsonb_typeof(i.item -> 'drug') not in ('string', 'null')
                or jsonb_typeof(i.item -> 'dosage') not in ('string', 'null')
                or jsonb_typeof(i.item -> 'instructions') not in ('string', 'null')
            else true
        end
    ) then
        raise exception 'An item has the texts drug, dosage, instructions, and duration_days only'
            using errcode = 'TM201', column = 'items';
    end if;
    if v_consultation.status <> 'completed' then
        raise exception 'The consultation is not completed' using errcode = 'TM907';
    end if;

    insert into app.prescriptions (consultation_id, notes)
    values (v_consultation.id, p_notes)
    returning id into v_prescription_id;

    insert into app.prescription_items
        (prescription_id, position, drug, dosage, instructions, duration_days)
    select v_prescription_id, i.n, r.drug, r.dosage, r.instructions, r.duration_days
    from jsonb_array_elements(p_items) with ordinality as i (item, n)
    cross join lateral jsonb_populate_record(null::api.prescription_item, i.item) as r;

    select p.* into strict v_prescription
    from api.prescriptions as p where p.id = v_prescription_id;
    return v_prescription;
end;
$$;

comment on function api.issue_prescription(uuid, jsonb, text) is
'Issues a prescription for a completed consultation of the calling doctor. p_items: array of 1 to 50
objects {drug, dosage, instructions, duration_days}, the first two required. Raises TM101, TM102,
TM201, TM301, TM403, TM907.';

grant execute on function api.issue_prescription(uuid, jsonb, text) to telemed_api, telemed_dba;

commit;
