-- Deploy telemed:idempotency/idempotency_invariants to pg

begin;

set local role telemed_internal;

create function app.idempotency_invariants(p_since timestamptz)
returns setof app.invariant
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_first uuid := app.first_id_since(p_since);
    -- A day more, because a clock may have been set back. It keeps older partitions out.
    v_logged timestamptz := coalesce(p_since, '-infinity') - interval '24 hours';
    -- A key has the time of the request's resource, which in demo data is long before the id.
    v_keyed timestamptz := coalesce(
        least(
            p_since,
            (select min(c.created_at)::timestamptz
             from app.consultations as c where c.id >= v_first),
            (select min(p.created_at)::timestamptz
             from app.payments as p where p.id >= v_first)),
        '-infinity') - interval '1 hour';
begin
    -- Keys have no id of their own.
    return query
    select
        'every_key_has_exactly_one_whole_outcome',
        'Every idempotency key has one outcome, a resource or a refusal, and the resource exists.',
        array(
            select concat_ws('/', k.user_id, k.operation, k.key)
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
                            exists (
                                select from app.availability_slots as s
                                where s.id = k.resource_id)
                        when k.operation in ('record_payment', 'refund_payment') then
                            exists (select from app.payments as p where p.id = k.resource_id)
                        when k.operation = 'issue_prescription' then
                            exists (select from app.prescriptions as p where p.id = k.resource_id)
                        when k.operation like '%\_consultation' then
                            exists (select from app.consultations as c where c.id = k.resource_id)
                        else true
                    end)));

    return query
    select
        'every_booking_has_its_idempotency_key',
        'Every consultation has exactly one key of the request that booked it.',
        array(
            select c.id::text
            from app.consultations as c
            left join app.idempotency_keys as k
                on k.resource_id = c.id
                and k.operation = 'book_consultation'
                and k.user_id = c.patient_id
                and k.created_at >= v_keyed
            where c.id >= v_first
            group by c.id
            having count(k.key) <> 1);

    return query
    select
        'every_reschedule_has_its_idempotency_key',
        'A consultation has one key of a reschedule for each time that it was moved.',
        array(
            select m.row_id
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
                  and k.resource_id = c.id));

    return query
    select
        'every_payment_has_its_idempotency_key',
        'Every payment and refund has a key of the request that made it; only a transaction'
        ' that its provider reports again has more than one.',
        array(
            select p.id::text
            from app.payments as p
            left join app.idempotency_keys as k
                on k.resource_id = p.id
                and k.operation
                    = case p.kind when 'payment' then 'record_payment' else 'refund_payment' end
                and k.created_at >= v_keyed
            where p.id >= v_first
            group by p.id
            -- A provider that reports a transaction again has another key, and one payment.
            having count(k.key) < 1 or (count(k.key) > 1 and p.provider_reference is null));
end;
$$;

comment on function app.idempotency_invariants(timestamptz) is
'The invariants of idempotency, one row each. p_since: as in ops.check_invariants.';

reset role;

commit;
