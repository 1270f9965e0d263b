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

create function app.first_id_since(p_since timestamptz)
returns uuid
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
    if p_since = 'infinity' then
        return 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid;
    end if;
    return encode(
        overlay(
            decode('00000000000070008000000000000000', 'hex')
            placing substring(
                int8send(greatest(0, floor(extract(epoch from p_since) * 1000))::bigint) from 3)
            from 1 for 6),
        'hex')::uuid;
end;
$$;

comment on function app.first_id_since(timestamptz) is
'The smallest identifier that app.uuid_v7 can have made since then; the smallest of all for null.';

-- Each rule looks at the rows made since then, and from each of them at its neighbours, through
-- indexes: the time that it takes grows with what is new, not with what there is. `limit 1` keeps
-- the planner from comparing all with all. A slot, and with it a consultation, lasts at most 24
-- hours (availability_slots_last_from_1_minute_to_24_hours).
set local role telemed_internal;
create function app.invariant_violations(p_since timestamptz)
returns table (name text, example text)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set bytea_output = hex
as $$
declare
    v_first uuid := app.first_id_since(p_since);
    -- Partitions of the trail from before are not looked at. Clocks may have been set back a bit.
    v_logged timestamptz := coalesce(p_since, '-infinity') - interval '1 day';
    -- A key has the time of what was made under it, which in demo data is long before the id.
    v_keyed timestamptz := coalesce(
        least(
            p_since,
            (select min(c.created_at)::timestamptz
             from app.consultations as c where c.id >= v_first),
            (select min(p.created_at)::timestamptz
             from app.payments as p where p.id >= v_first)),
        '-infinity') - interval '1 hour';
begin
    return query
    select 'slots_of_a_doctor_never_overlap', s.id::text
    from app.availability_slots as s
    cross join lateral (
        select from app.availability_slots as o
        where o.doctor_id = s.doctor_id
          and o.status <> 'withdrawn'
          and o.id <> s.id
          and tstzrange(o.starts_at, o.ends_at) && tstzrange(s.starts_at, s.ends_at)
        limit 1
    ) as overlapping
    where s.id >= v_first and s.status <> 'withdrawn';

    return query
    select 'a_slot_has_at_most_one_active_consultation', c.slot_id::text
    from app.consultations as c
    where c.status <> 'cancelled' and c.slot_id in (
        select n.slot_id from app.consultations as n where n.id >= v_first)
    group by c.slot_id
    having count(*) > 1;

    return query
    select 'active_consultations_of_a_doctor_never_overlap', c.id::text
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
    where c.id >= v_first and c.status <> 'cancelled';

    return query
    select 'scheduled_consultations_of_a_patient_never_overlap', c.id::text
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
    where c.id >= v_first and c.status = 'scheduled';

    return query
    select 'a_consultation_has_the_doctor_and_time_of_its_slot', c.id::text
    from app.consultations as c
    left join app.availability_slots as s on s.id = c.slot_id
    where c.id >= v_first
      and (c.doctor_id, c.starts_at, c.ends_at)
        is distinct from (s.doctor_id, s.starts_at, s.ends_at);

    return query
    select 'a_slot_is_booked_exactly_while_a_consultation_holds_it', s.id::text
    from app.availability_slots as s
    where s.id in (
        select m.id from app.availability_slots as m where m.id >= v_first
        union
        select n.slot_id from app.consultations as n where n.id >= v_first)
      and (s.status = 'booked') is distinct from exists (
        select from app.consultations as c where c.slot_id = s.id and c.status <> 'cancelled');

    return query
    select 'no_slot_is_open_within_time_off', s.id::text
    from app.availability_slots as s
    where s.id >= v_first and s.status = 'open' and exists (
        select from app.time_off as t
        where t.doctor_id = s.doctor_id
          and tstzrange(t.starts_at, t.ends_at) && tstzrange(s.starts_at, s.ends_at))
    union
    select 'no_slot_is_open_within_time_off', s.id::text
    from app.time_off as t
    inner join app.availability_slots as s
        on s.doctor_id = t.doctor_id
        and tstzrange(s.starts_at, s.ends_at) && tstzrange(t.starts_at, t.ends_at)
    where t.id >= v_first and s.status = 'open';

    return query
    select 'deactivated_doctors_offer_no_slots', s.id::text
    from app.users as u
    inner join app.availability_slots as s on s.doctor_id = u.id
    where u.role = 'doctor' and u.deactivated_at is not null and s.status = 'open';

    return query
    select 'slots_have_the_specialty_of_their_doctor', s.id::text
    from app.availability_slots as s
    inner join app.doctors as d on d.user_id = s.doctor_id
    where s.id >= v_first and s.status <> 'withdrawn' and s.specialty <> lower(d.specialty);

    return query
    select 'doctors_have_the_name_and_the_state_of_their_account', d.user_id::text
    from app.doctors as d
    inner join app.users as u on u.id = d.user_id
    inner join app.profiles as p on p.user_id = d.user_id
    where d.user_id >= v_first
      and (d.full_name <> p.full_name or d.deactivated_at is distinct from u.deactivated_at);

    return query
    select 'every_user_is_complete', u.id::text
    from app.users as u
    where u.id >= v_first
      and (not exists (select from app.profiles as p where p.user_id = u.id)
           or (u.role = 'doctor'
               and not exists (select from app.doctors as d where d.user_id = u.id)));

    -- Nearly every text is ASCII, and costs no call of a function.
    return query
    select 'texts_have_no_hidden_characters', format('%s of %s', t.name, t.id)
    from (
        select 'email', u.id, u.email from app.users as u where u.id >= v_first
        union all
        select 'full_name', p.user_id, p.full_name from app.profiles as p where p.user_id >= v_first
        union all
        select 'specialty', d.user_id, d.specialty from app.doctors as d where d.user_id >= v_first
        union all
        select d.name, i.prescription_id, d.value
        from app.prescription_items as i
        cross join lateral (values ('drug', i.drug), ('dosage', i.dosage)) as d (name, value)
        where i.prescription_id >= v_first
        union all
        select 'provider_reference', p.id, p.provider_reference
        from app.payments as p where p.id >= v_first
    ) as t (name, id, value)
    where t.value !~ '^[!-~][ -~]*$'
      and (not app.is_readable(t.value) or t.name = 'email' and not app.is_email(t.value));

    return query
    select 'no_two_accounts_have_one_email', u.id::text
    from app.users as u
    where u.id >= v_first and exists (
        select from app.users as o
        where app.normal_email(o.email) = app.normal_email(u.email) and o.id <> u.id);

    return query
    select 'consultations_have_changed_only_as_permitted', coalesce(l.row_id, c.id::text)
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
    where l.as_permitted is not true or c.id is null;

    return query
    select 'completed_consultations_are_as_they_were_at_completion', c.id::text
    from app.consultations as c
    where c.id >= v_first
      and c.status = 'completed'
      and c.completion_digest is distinct from app.consultation_digest(c);

    -- Keys have no id of their own: a key has the time of what was made under it.
    return query
    select
        'every_key_has_exactly_one_whole_outcome', concat_ws('/', k.user_id, k.operation, k.key)
    from app.idempotency_keys as k
    where k.created_at >= coalesce(p_since, '-infinity')
      and ((k.response is null) = (k.refusal_code is null)
           or (k.refusal_code is null) <> (k.refusal_message is null)
           or (k.resource_id is not null
               and k.response ->> 'id' is distinct from k.resource_id::text)
           or (k.response is not null and not case
                when k.operation = 'onboard_doctor' then
                    exists (select from app.doctors as d where d.user_id = k.resource_id)
                when k.operation = 'publish_slot' then
                    exists (select from app.availability_slots as s where s.id = k.resource_id)
                when k.operation in ('record_payment', 'refund_payment') then
                    exists (select from app.payments as p where p.id = k.resource_id)
                when k.operation = 'issue_prescription' then
                    exists (select from app.prescriptions as p where p.id = k.resource_id)
                when k.operation like '%\_consultation' then
                    exists (select from app.consultations as c where c.id = k.resource_id)
                else true
            end));

    return query
    select 'every_booking_has_its_idempotency_key', c.id::text
    from app.consultations as c
    left join app.idempotency_keys as k
        on k.resource_id = c.id
        and k.operation = 'book_consultation'
        and k.user_id = c.patient_id
        and k.created_at >= v_keyed
    where c.id >= v_first
    group by c.id
    having count(k.key) <> 1;

    return query
    select 'every_reschedule_has_its_idempotency_key', m.row_id
    from (
        select a.row_id, count(*) as moves
        from app.audit_logs as a
        where a.table_name = 'consultations'
          and a.row_id >= v_first::text
          and a.occurred_at >= v_logged
          and a.old ->> 'slot_id' <> a.new ->> 'slot_id'
        group by a.row_id
    ) as m
    inner join app.consultations as c on c.id = m.row_id::uuid
    where m.moves <> (
        select count(*) from app.idempotency_keys as k
        where k.user_id = c.patient_id
          and k.operation = 'reschedule_consultation'
          and k.resource_id = c.id);

    return query
    select 'every_payment_has_its_idempotency_key', p.id::text
    from app.payments as p
    left join app.idempotency_keys as k
        on k.resource_id = p.id
        and k.operation = case p.kind when 'payment' then 'record_payment' else 'refund_payment' end
        and k.created_at >= v_keyed
    where p.id >= v_first
    group by p.id
    -- What a provider reports again, under another key, is answered with the first payment.
    having count(k.key) < 1 or (count(k.key) > 1 and p.provider_reference is null);

    return query
    select 'a_provider_transaction_is_recorded_once', p.id::text
    from app.payments as p
    cross join lateral (
        select from app.payments as o
        where o.kind = 'payment'
          and o.provider is not distinct from p.provider
          and o.provider_reference = p.provider_reference
          and o.id <> p.id
        limit 1
    ) as twice
    where p.id >= v_first and p.kind = 'payment';

    return query
    select 'prescriptions_follow_a_completed_consultation', p.id::text
    from app.prescriptions as p
    left join app.consultations as c on c.id = p.consultation_id
    where p.id >= v_first and c.status is distinct from 'completed';

    return query
    select 'a_prescription_has_at_least_one_item', p.id::text
    from app.prescriptions as p
    where p.id >= v_first
      and not exists (select from app.prescription_items as i where i.prescription_id = p.id);

    return query
    select 'payments_never_exceed_the_fee', n.consultation_id::text
    from (
        select distinct p.consultation_id from app.payments as p where p.id >= v_first
    ) as n
    where app.payable_minor(n.consultation_id) < 0;

    return query
    select 'refunds_never_exceed_their_payment', n.refunded_payment_id::text
    from (
        select distinct p.refunded_payment_id
        from app.payments as p where p.id >= v_first and p.kind = 'refund'
    ) as n
    where app.refundable_minor(n.refunded_payment_id) < 0;

    return query
    select 'a_session_has_at_most_one_unspent_refresh_token', t.session_id::text
    from app.refresh_tokens as t
    where t.spent_at is null and t.session_id >= v_first
    group by t.session_id
    having count(*) > 1;

    return query
    select 'what_rests_on_a_second_factor_has_one', u.id::text
    from app.users as u
    where u.mfa_confirmed_at is null and u.id in (
        select c.user_id from app.recovery_codes as c where c.id >= v_first and c.spent_at is null
        union
        select s.user_id
        from app.sessions as s
        where s.id >= v_first and s.second_factor_at is not null);

    return query
    select 'no_function_is_executable_by_public', p.oid::regprocedure::text
    from pg_proc as p
    inner join pg_namespace as n on n.oid = p.pronamespace and n.nspname in ('app', 'api', 'ops')
    where exists (
        select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a
        where a.grantee = 0);

    return query
    select 'every_function_pins_its_search_path', p.oid::regprocedure::text
    from pg_proc as p
    inner join pg_namespace as n on n.oid = p.pronamespace and n.nspname in ('app', 'api', 'ops')
    where 'search_path=pg_catalog, pg_temp' <> all (coalesce(p.proconfig, '{}'));

    -- What a function first does with a schema of ours, but for the time and a new id.
    return query
    select 'every_function_begins_without_a_verified_caller', f.name
    from (
        select
            p.oid::regprocedure::text as name,
            substring(
                regexp_replace(p.prosrc, 'app\.(clock|uuid_v7)\(\)|--[^\n]*', '', 'g')
                from '\m(?:(?:app|api|ops)\.\w+\(|execute'
                    '|(?:from|join|into|update|only) +(?:app|api|ops)\.\w+)') as first_use
        from pg_proc as p
        inner join pg_namespace as n on n.oid = p.pronamespace and n.nspname in ('api', 'ops')
        where p.prosecdef
    ) as f
    where f.first_use is null or rtrim(f.first_use, '(') not in (
        'app.signed_in_actor', 'app.current_actor', 'app.require_role', 'app.forget_actor');

    return query
    select 'every_trigger_and_constraint_is_in_force',
        format('%s on %s', t.tgname, t.tgrelid::regclass)
    from pg_trigger as t
    inner join pg_class as c on c.oid = t.tgrelid
    inner join pg_namespace as n on n.oid = c.relnamespace and n.nspname = 'app'
    where t.tgenabled = 'D'
    union all
    select 'every_trigger_and_constraint_is_in_force',
        format('%s on %s', k.conname, k.conrelid::regclass)
    from pg_constraint as k
    inner join pg_namespace as n on n.oid = k.connamespace and n.nspname = 'app'
    where not k.convalidated
    union all
    select 'every_trigger_and_constraint_is_in_force', i.indexrelid::regclass::text
    from pg_index as i
    inner join pg_class as c on c.oid = i.indexrelid
    inner join pg_namespace as n on n.oid = c.relnamespace and n.nspname = 'app'
    where not i.indisvalid;

    -- app.record_change writes rows with the same settings of time zone and bytea_output as here. A
    -- column that was added later is not in the trail.
    return query
    select 'the_newest_version_of_a_row_has_its_audit_row', 'prescription_items of ' || p.id
    from app.prescriptions as p
    where p.id >= v_first
      and array(
        select to_jsonb(i)
        from app.prescription_items as i
        where i.prescription_id = p.id
        order by i.position)
      is distinct from array(
        select a.new
        from app.audit_logs as a
        where a.table_name = 'prescription_items'
          and a.row_id = p.id::text
          and a.occurred_at >= v_logged
        order by (a.new ->> 'position')::integer);

    return query
    select 'the_newest_version_of_a_row_has_its_audit_row', 'consultations ' || r.id
    from app.consultations as r
    left join lateral (
        select a.* from app.audit_logs as a
        where a.table_name = 'consultations' and a.row_id = r.id::text
          and a.occurred_at >= v_logged
        order by a.id desc limit 1
    ) as l on true
    where r.id >= v_first
      and (to_jsonb(r) @> l.new is not true
           or l.user_id is null
           or l.request_id is null);

    return query
    select 'the_newest_version_of_a_row_has_its_audit_row', 'availability_slots ' || r.id
    from app.availability_slots as r
    left join lateral (
        select a.* from app.audit_logs as a
        where a.table_name = 'availability_slots' and a.row_id = r.id::text
          and a.occurred_at >= v_logged
        order by a.id desc limit 1
    ) as l on true
    where r.id >= v_first
      and (to_jsonb(r) @> l.new is not true
           or l.user_id is null
           or l.request_id is null);

    return query
    select 'the_newest_version_of_a_row_has_its_audit_row', 'payments ' || r.id
    from app.payments as r
    left join lateral (
        select a.* from app.audit_logs as a
        where a.table_name = 'payments' and a.row_id = r.id::text
          and a.occurred_at >= v_logged
        order by a.id desc limit 1
    ) as l on true
    where r.id >= v_first
      and (to_jsonb(r) @> l.new is not true
           or l.user_id is null
           or l.request_id is null);

    return query
    select 'the_newest_version_of_a_row_has_its_audit_row', 'prescriptions ' || r.id
    from app.prescriptions as r
    left join lateral (
        select a.* from app.audit_logs as a
        where a.table_name = 'prescriptions' and a.row_id = r.id::text
          and a.occurred_at >= v_logged
        order by a.id desc limit 1
    ) as l on true
    where r.id >= v_first
      and (to_jsonb(r) @> l.new is not true
           or l.user_id is null
           or l.request_id is null);

    return query
    select 'logs_are_in_the_partition_of_their_month', 'app.audit_logs_default'
    where exists (select from app.audit_logs_default)
    union all
    select 'logs_are_in_the_partition_of_their_month', 'app.access_logs_default'
    where exists (select from app.access_logs_default);
end;
$$;

comment on function app.invariant_violations(timestamptz) is
'One row for each violation of each rule of app.invariants by what was made since then, or by
anything at all for null; no row when all is well.';
reset role;

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
('active_consultations_of_a_doctor_never_overlap',
 'A doctor is never in two consultations at once that are not cancelled.'),
('scheduled_consultations_of_a_patient_never_overlap',
 'A patient is never in two scheduled consultations at once.'),
('a_consultation_has_the_doctor_and_time_of_its_slot',
 'Doctor, start and end of a consultation are those of its slot.'),
('a_slot_is_booked_exactly_while_a_consultation_holds_it',
 'A slot is marked booked when, and only when, a consultation that is not cancelled holds it.'),
('no_slot_is_open_within_time_off', 'No slot is open while its doctor has taken time off.'),
('deactivated_doctors_offer_no_slots', 'No slot of a doctor whose account is deactivated is open.'),
('slots_have_the_specialty_of_their_doctor',
 'Slots that are not withdrawn are found under the specialty that their doctor has.'),
('doctors_have_the_name_and_the_state_of_their_account',
 'What is shown of a doctor has the name of the profile, and the account''s state.'),
('texts_have_no_hidden_characters',
 'Names, e-mail addresses and other lines have something to see, and no character that is hidden.'),
('no_two_accounts_have_one_email',
 'No two accounts have e-mail addresses that differ only in case or composition.'),
('every_user_is_complete', 'Every user has a profile, and every doctor a row among the doctors.'),
('consultations_have_changed_only_as_permitted',
 'The audit trail of every consultation begins with its booking and goes on without a gap, its'
 ' status only along app.consultation_transitions.'),
('completed_consultations_are_as_they_were_at_completion',
 'A completed consultation has the digest that was taken when it was completed.'),
('every_key_has_exactly_one_whole_outcome',
 'Every idempotency key has an answer or a refusal, not both, and what the answer speaks of is'
 ' there.'),
('every_booking_has_its_idempotency_key',
 'For every consultation there is exactly one key of the request that booked it.'),
('every_reschedule_has_its_idempotency_key',
 'A consultation has as many keys of reschedules as times that it was moved.'),
('every_payment_has_its_idempotency_key',
 'For every payment and refund there is a key of the request that made it; more than one only'
 ' where a provider reports a transaction again.'),
('a_provider_transaction_is_recorded_once',
 'No two payments have the same reference of the same provider.'),
('prescriptions_follow_a_completed_consultation',
 'Every prescription belongs to a consultation that is completed.'),
('a_prescription_has_at_least_one_item', 'No prescription is empty.'),
('payments_never_exceed_the_fee',
 'Payments less refunds of a consultation never exceed the fee agreed at booking.'),
('refunds_never_exceed_their_payment', 'Refunds of a payment never exceed it.'),
('the_newest_version_of_a_row_has_its_audit_row',
 'The newest audit row of every consultation, slot, payment and prescription with its items'
 ' shows it as it is, with the user, the database login and the request that made it so.'),
('a_session_has_at_most_one_unspent_refresh_token',
 'In every session at most one refresh token can still be used.'),
('what_rests_on_a_second_factor_has_one',
 'Whoever has a recovery code that can be used, or a session with a second factor, has a second'
 ' factor.'),
('logs_are_in_the_partition_of_their_month',
 'No row of the logs is in a default partition: ops.create_partitions was called in time.'),
('every_trigger_and_constraint_is_in_force',
 'No trigger is disabled, no constraint is unchecked, no index is invalid.'),
('no_function_is_executable_by_public', 'Nobody may execute a function without a grant.'),
('every_function_begins_without_a_verified_caller',
 'Every function of api and ops first verifies the caller, or calls app.forget_actor: what a client'
 ' has set in app.verified_user_id and app.verified_role is not believed.'),
('every_function_pins_its_search_path',
 'Every function runs with search_path pg_catalog, pg_temp.');

create function ops.check_invariants(p_since timestamptz default null)
returns setof api.invariants
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform app.forget_actor();
    return query
    select
        i.name::text,
        i.description::text,
        count(v.example),
        coalesce(
            (array_agg(v.example order by v.example) filter (where v.example is not null))[1:5],
            '{}')
    from app.invariants as i
    left join app.invariant_violations(p_since) as v on v.name = i.name
    group by i.name
    order by i.name;
end;
$$;

comment on function ops.check_invariants(timestamptz) is
'Every rule that must always hold, with the number of violations and up to five ids. p_since: look
only at what was made since then; null for everything. Read-only.';

grant execute on function ops.check_invariants(timestamptz) to telemed_dba;

create function api.check_invariants(p_since timestamptz default now() - interval '1 day')
returns setof api.invariants
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform app.require_role('admin');
    return query select c.* from ops.check_invariants(p_since) as c;
end;
$$;

comment on function api.check_invariants(timestamptz) is
'ops.check_invariants for admins of the clinic, by default of what the last 24 hours have made: all
that there is may take longer than a request is allowed to. Raises TM101, TM102, TM301, TM302.';

grant execute on function api.check_invariants(timestamptz) to telemed_api, telemed_dba;

commit;
