-- Deploy telemed:prescriptions/prescriptions_invariants to pg

begin;

set local role telemed_internal;

create function app.prescriptions_invariants(p_since timestamptz)
returns setof app.invariant
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_first uuid := app.first_id_since(p_since);
begin
    return query
    select
        'prescriptions_follow_a_completed_consultation',
        'Every prescription belongs to a consultation that is completed.',
        array(
            select p.id::text
            from app.prescriptions as p
            left join app.consultations as c on c.id = p.consultation_id
            where p.id >= v_first and c.status is distinct from 'completed');

    return query
    select
        'a_prescription_has_at_least_one_item',
        'No prescription is empty.',
        array(
            select p.id::text
            from app.prescriptions as p
            where p.id >= v_first
              and not exists (
                select from app.prescription_items as i where i.prescription_id = p.id));
end;
$$;

comment on function app.prescriptions_invariants(timestamptz) is
'The invariants of prescriptions, one row each. p_since: as in ops.check_invariants.';

reset role;

commit;
