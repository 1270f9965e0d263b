-- Deploy telemed:prescriptions/issue_prescription to pg

begin;

create function api.issue_prescription(
    p_consultation_id uuid,
    p_items jsonb,
    p_notes text default null,
    p_idempotency_key text default null
)
returns api.prescriptions
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_actor app.actor := app.require_role('doctor');
    v_consultation app.consultations := app.visible_consultation(v_actor, p_consultation_id);
    v_items api.prescription_item[];
    v_key app.idempotency_keys;
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
        raise exception 'An item has only the texts drug, dosage, instructions, and duration_days'
            using errcode = 'TM201', column = 'items';
    end if;
    -- The parsed items, so that the key does not depend on how the JSON is written.
    v_items := array(
        select jsonb_populate_record(null::api.prescription_item, i.item)
        from jsonb_array_elements(p_items) with ordinality as i (item, n)
        order by i.n);
    v_key := app.claim_key(
        v_actor.user_id, 'issue_prescription', p_idempotency_key,
        jsonb_build_object(
            'consultation_id', p_consultation_id, 'items', v_items, 'notes', p_notes));
    if v_key.created_at is not null then
        return jsonb_populate_record(null::api.prescriptions, v_key.response);
    end if;

    if v_consultation.status <> 'completed' then
        perform app.refuse_under_key(
            v_key, 'TM907', 'The consultation is not completed: complete it before you prescribe');
        return null;
    end if;

    insert into app.prescriptions (consultation_id, notes)
    values (v_consultation.id, p_notes)
    returning id into v_prescription_id;

    insert into app.prescription_items
        (prescription_id, position, drug, dosage, instructions, duration_days)
    select v_prescription_id, i.n, i.drug, i.dosage, i.instructions, i.duration_days
    from unnest(v_items) with ordinality as i (drug, dosage, instructions, duration_days, n);

    select p.* into strict v_prescription
    from api.prescriptions as p where p.id = v_prescription_id;
    perform app.settle_key(v_key, v_prescription_id, to_jsonb(v_prescription));
    return v_prescription;
end;
$$;

comment on function api.issue_prescription(uuid, jsonb, text, text) is
'Issues a prescription at a completed consultation of the calling doctor. p_items: a JSON array of 1
to 50 objects {drug, dosage, instructions, duration_days}; drug and dosage are required. p_notes: 1
to 4000 characters. p_idempotency_key is optional; TM907 is stored under it, see app.refuse. Raises
TM101, TM102, TM201, TM203, TM301, TM302, TM403, TM907, TM991.';

grant execute on function api.issue_prescription(uuid, jsonb, text, text)
to telemed_api, telemed_dba;

commit;
