-- Deploy telemed:consultations/consultations_invariants to pg

begin;

set local role telemed_internal;

create function app.consultations_invariants(p_since timestamptz)
returns setof app.invariant
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_first uuid := app.first_id_since(p_since);
    -- A day more, because a clock may have been set back. It keeps older partitions out.
    v_logged timestamptz := coalesce(p_since, '-infinity') - interval '24 hours';
begin
    return query
    select
        'a_slot_has_at_most_one_active_consultation',
        'At most one consultation that is not cancelled holds a slot.',
        array(
            select c.slot_id::text
            from app.consultations as c
            where c.status <> 'cancelled' and c.slot_id in (
                select n.slot_id from app.consultations as n where n.id >= v_first)
            group by c.slot_id
            having count(*) > 1);

    return query
    select
        'active_consultations_of_a_doctor_never_overlap',
        'No two consultations of a doctor that are not cancelled overlap.',
        array(
            select c.id::text
            from app.consultations as c
            cross join lateral (
                select from app.consultations as o
                where o.doctor_id = c.doctor_id
                  and o.status <> 'cancelled'
                  and o.id <> c.id
                  and o.starts_at > c.starts_at - interval '24 hours'
                  and o.starts_at < c.ends_at
                  and o.ends_at > c.starts_at
                limit 1
            ) as overlapping
            where c.id >= v_first and c.status <> 'cancelled');

    return query
    select
        'scheduled_consultations_of_a_patient_never_overlap',
        'No two scheduled consultations of a patient overlap.',
        array(
            select c.id::text
            from app.consultations as c
            cross join lateral (
                select from app.consultations as o
                where o.patient_id = c.patient_id
                  and o.status = 'scheduled'
                  and o.id <> c.id
                  and o.starts_at > c.starts_at - interval '24 hours'
                  and o.starts_at < c.ends_at
                  and o.ends_at > c.starts_at
                limit 1
            ) as overlapping
            where c.id >= v_first and c.status = 'scheduled');

    return query
    select
        'a_consultation_has_the_doctor_and_time_of_its_slot',
        'Doctor, start and end of a consultation are those of its slot.',
        array(
            select c.id::text
            from app.consultations as c
            left join app.availability_slots as s on s.id = c.slot_id
            where c.id >= v_first
              and (c.doctor_id, c.starts_at, c.ends_at)
                is distinct from (s.doctor_id, s.starts_at, s.ends_at));

    return query
    select
        'a_slot_is_booked_exactly_while_a_consultation_holds_it',
        'A slot is booked if and only if a consultation that is not cancelled holds it.',
        array(
            select s.id::text
            from app.availability_slots as s
            where s.id in (
                select m.id from app.availability_slots as m where m.id >= v_first
                union
                select n.slot_id from app.consultations as n where n.id >= v_first)
              and (s.status = 'booked') is distinct from exists (
                select from app.consultations as c
                where c.slot_id = s.id and c.status <> 'cancelled'));

    return query
    select
        'consultations_have_changed_only_as_permitted',
        'The audit log of every consultation begins with its booking and has no gap, and its'
        ' status changes only along app.consultation_transitions.',
        array(
            select coalesce(l.row_id, c.id::text)
            from (select n.id from app.consultations as n where n.id >= v_first) as c
            full join (
                select
                    step.row_id,
                    bool_and(case step.operation
                        when 'INSERT' then step.is_first and step.new ->> 'status' = 'scheduled'
                        when 'UPDATE' then
                            not step.is_first
                            and step.old @> step.before
                            and (
                                step.new ->> 'status' = step.old ->> 'status'
                                or exists (
                                    select from app.consultation_transitions as t
                                    where t.from_status = step.old ->> 'status'
                                      and t.to_status = step.new ->> 'status'))
                        else false
                    end) as as_permitted
                from (
                    select
                        a.row_id,
                        a.operation,
                        a.old,
                        a.new,
                        lag(a.new) over steps as before,
                        row_number() over steps = 1 as is_first
                    from app.audit_logs as a
                    where a.table_name = 'consultations'
                      and a.row_id >= v_first::text
                      and a.occurred_at >= v_logged
                    window steps as (partition by a.row_id order by a.id)
                ) as step
                group by step.row_id
            ) as l on l.row_id = c.id::text
            where l.as_permitted is not true or c.id is null);

    return query
    select
        'completed_consultations_are_as_they_were_at_completion',
        'A completed consultation still has the digest of its completion.',
        array(
            select c.id::text
            from app.consultations as c
            where c.id >= v_first
              and c.status = 'completed'
              and c.completion_digest is distinct from app.consultation_digest(c));
end;
$$;

comment on function app.consultations_invariants(timestamptz) is
'The invariants of consultations, one row each. p_since: as in ops.check_invariants.';

reset role;

commit;
