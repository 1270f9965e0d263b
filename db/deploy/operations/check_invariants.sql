-- Deploy telemed:operations/check_invariants to pg

begin;

create type api.invariants as (
    name text,
    description text,
    violations bigint,
    examples text[]
);
comment on type api.invariants is
'A rule that must always hold. violations: how many rows break it; examples: ids of up to five.';

create view app.invariant_violations as
select
    'slots_of_a_doctor_never_overlap' as name,
    a.id::text as example
from app.availability_slots as a
inner join app.availability_slots as b
    on b.doctor_id = a.doctor_id
    and b.id > a.id
    and tstzrange(b.starts_at, b.ends_at) && tstzrange(a.starts_at, a.ends_at)
where a.status <> 'withdrawn' and b.status <> 'withdrawn'
union all
select 'a_slot_has_at_most_one_active_consultation', c.slot_id::text
from app.consultations as c
where c.status <> 'cancelled'
group by c.slot_id
having count(*) > 1
union all
select 'scheduled_consultations_of_a_patient_never_overlap', a.id::text
from app.consultations as a
inner join app.consultations as b
    on b.patient_id = a.patient_id
    and b.id > a.id
    and tstzrange(b.starts_at, b.ends_at) && tstzrange(a.starts_at, a.ends_at)
where a.status = 'scheduled' and b.status = 'scheduled'
union all
select 'a_consultation_has_the_doctor_and_time_of_its_slot', c.id::text
from app.consultations as c
inner join app.availability_slots as s on s.id = c.slot_id
where (c.doctor_id, c.starts_at, c.ends_at) is distinct from (s.doctor_id, s.starts_at, s.ends_at)
union all
select 'a_slot_is_booked_exactly_while_a_consultation_holds_it', s.id::text
from app.availability_slots as s
where (s.status = 'booked') is distinct from exists (
    select from app.consultations as c where c.slot_id = s.id and c.status <> 'cancelled')
union all
select 'no_slot_is_open_within_time_off', s.id::text
from app.availability_slots as s
inner join app.time_off as t
    on t.doctor_id = s.doctor_id
    and tstzrange(t.starts_at, t.ends_at) && tstzrange(s.starts_at, s.ends_at)
where s.status = 'open'
union all
select 'deactivated_doctors_offer_no_slots', s.id::text
from app.availability_slots as s
inner join app.users as u on u.id = s.doctor_id
where s.status = 'open' and u.deactivated_at is not null
union all
select 'every_user_is_complete', u.id::text
from app.users as u
where not exists (select from app.profiles as p where p.user_id = u.id)
   or (u.role = 'doctor' and not exists (select from app.doctors as d where d.user_id = u.id))
union all
select 'every_booking_has_its_idempotency_key', c.id::text
from app.consultations as c
where not exists (
    select from app.idempotency_keys as k
    where k.user_id = c.patient_id and k.operation = 'book_consultation' and k.resource_id = c.id)
union all
select 'prescriptions_follow_a_completed_consultation', p.id::text
from app.prescriptions as p
inner join app.consultations as c on c.id = p.consultation_id
where c.status <> 'completed'
union all
select 'a_prescription_has_at_least_one_item', p.id::text
from app.prescriptions as p
where not exists (select from app.prescription_items as i where i.prescription_id = p.id)
union all
select 'payments_never_exceed_the_fee', c.id::text
from app.consultations as c
where app.payable_minor(c.id) < 0
union all
select 'refunds_never_exceed_their_payment', p.id::text
from app.payments as p
where p.kind = 'payment' and app.refundable_minor(p.id) < 0
union all
select 'every_consultation_has_its_audit_trail', c.id::text
from app.consultations as c
where c.status is distinct from (
    select l.new ->> 'status' from app.audit_logs as l
    where l.table_name = 'consultations' and l.row_id = c.id::text
    order by l.id desc
    limit 1)
union all
select 'a_session_has_at_most_one_unspent_refresh_token', t.session_id::text
from app.refresh_tokens as t
where t.spent_at is null
group by t.session_id
having count(*) > 1;

comment on view app.invariant_violations is
'One row for each violation of each rule of app.invariants; no row when all is well.';

create table app.invariants (
    name app.line primary key,
    description app.prose not null
);

comment on table app.invariants is 'The rules that api.check_invariants reports on.';

insert into app.invariants (name, description)
values
('slots_of_a_doctor_never_overlap', 'No two slots of a doctor that are not withdrawn overlap.'),
('a_slot_has_at_most_one_active_consultation',
 'A slot is held by at most one consultation that is not cancelled.'),
('scheduled_consultations_of_a_patient_never_overlap',
 'A patient is never in two scheduled consultations at once.'),
('a_consultation_has_the_doctor_and_time_of_its_slot',
 'Doctor, start and end of a consultation are those of its slot.'),
('a_slot_is_booked_exactly_while_a_consultation_holds_it',
 'A slot is marked booked when, and only when, a consultation that is not cancelled holds it.'),
('no_slot_is_open_within_time_off', 'No slot is open while its doctor has taken time off.'),
('deactivated_doctors_offer_no_slots', 'No slot of a doctor whose account is deactivated is open.'),
('every_user_is_complete', 'Every user has a profile, and every doctor a row among the doctors.'),
('every_booking_has_its_idempotency_key',
 'For every consultation there is the key of the request that booked it.'),
('prescriptions_follow_a_completed_consultation',
 'Every prescription belongs to a consultation that is completed.'),
('a_prescription_has_at_least_one_item', 'No prescription is empty.'),
('payments_never_exceed_the_fee',
 'Payments less refunds of a consultation never exceed the fee agreed at booking.'),
('refunds_never_exceed_their_payment', 'Refunds of a payment never exceed it.'),
('every_consultation_has_its_audit_trail',
 'The newest audit row of every consultation shows its present status.'),
('a_session_has_at_most_one_unspent_refresh_token',
 'In every session at most one refresh token can still be used.');

create function ops.check_invariants()
returns setof api.invariants
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select
        i.name::text,
        i.description::text,
        count(v.example),
        coalesce(
            (array_agg(v.example order by v.example) filter (where v.example is not null))[1:5],
            '{}')
    from app.invariants as i
    left join app.invariant_violations as v on v.name = i.name
    group by i.name
    order by i.name;
$$;

comment on function ops.check_invariants() is
'Every rule that must always hold, with the number of violations and up to five ids. Read-only.';

grant execute on function ops.check_invariants() to telemed_dba;

create function api.check_invariants()
returns setof api.invariants
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform app.require_role('admin');
    return query select c.* from ops.check_invariants() as c;
end;
$$;

comment on function api.check_invariants() is
'ops.check_invariants for admins of the clinic. Raises TM101, TM102, TM301.';

grant execute on function api.check_invariants() to telemed_api, telemed_dba;

commit;
