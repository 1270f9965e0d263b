-- Deploy telemed:scheduling/scheduling_invariants to pg

begin;

set local role telemed_internal;

create function app.scheduling_invariants(p_since timestamptz)
returns setof app.invariant
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_first uuid := app.first_id_since(p_since);
begin
    return query
    select
        'slots_of_a_doctor_never_overlap',
        'No two slots of a doctor that are not withdrawn overlap.',
        array(
            select s.id::text
            from app.availability_slots as s
            cross join lateral (
                select from app.availability_slots as o
                where o.doctor_id = s.doctor_id
                  and o.status <> 'withdrawn'
                  and o.id <> s.id
                  and tstzrange(o.starts_at, o.ends_at) && tstzrange(s.starts_at, s.ends_at)
                limit 1
            ) as overlapping
            where s.id >= v_first and s.status <> 'withdrawn');

    return query
    select
        'no_slot_is_open_within_time_off',
        'No slot is open within time off of its doctor.',
        array(
            select s.id::text
            from app.availability_slots as s
            where s.id >= v_first and s.status = 'open' and exists (
                select from app.time_off as t
                where t.doctor_id = s.doctor_id
                  and tstzrange(t.starts_at, t.ends_at) && tstzrange(s.starts_at, s.ends_at))
            union
            select s.id::text
            from app.time_off as t
            inner join app.availability_slots as s
                on s.doctor_id = t.doctor_id
                and tstzrange(s.starts_at, s.ends_at) && tstzrange(t.starts_at, t.ends_at)
            where t.id >= v_first and s.status = 'open');

    return query
    select
        'deactivated_doctors_offer_no_slots',
        'No slot of a doctor whose account is deactivated is open.',
        array(
            select s.id::text
            from app.users as u
            inner join app.availability_slots as s on s.doctor_id = u.id
            where u.role = 'doctor' and u.deactivated_at is not null and s.status = 'open');

    return query
    select
        'slots_have_the_specialty_of_their_doctor',
        'A slot that is not withdrawn has the specialty of its doctor.',
        array(
            select s.id::text
            from app.availability_slots as s
            inner join app.doctors as d on d.user_id = s.doctor_id
            where s.id >= v_first
              and s.status <> 'withdrawn'
              and s.specialty <> d.specialty_code);
end;
$$;

comment on function app.scheduling_invariants(timestamptz) is
'The invariants of scheduling, one row each. p_since: as in ops.check_invariants.';

reset role;

commit;
