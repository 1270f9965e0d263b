-- Deploy telemed:payments/refund_payment to pg

begin;

create function api.refund_payment(
    p_payment_id uuid,
    p_amount_minor bigint,
    p_reason text default null,
    p_idempotency_key text default null
)
returns api.payments
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_actor app.actor := app.require_role('admin');
    v_key app.idempotency_keys;
    v_refunded app.payments;
    v_refund_id uuid;
    v_refund api.payments;
begin
    perform app.require_key(p_idempotency_key);
    v_key := app.claim_key(
        v_actor.user_id, 'refund_payment', p_idempotency_key,
        jsonb_build_object(
            'payment_id', p_payment_id, 'amount_minor', p_amount_minor, 'reason', p_reason));
    if v_key.created_at is not null then
        -- No entry for a stored refusal, which has no response.
        perform app.record_read(
            'refund_payment',
            array_remove(array[(v_key.response ->> 'consultation_id')::uuid], null));
        return jsonb_populate_record(null::api.payments, v_key.response);
    end if;

    select p.* into v_refunded from app.payments as p
    where p.id = p_payment_id and p.kind = 'payment';
    if not found then
        raise exception 'There is no such payment' using errcode = 'TM404';
    end if;
    if p_amount_minor is null or p_amount_minor <= 0 then
        raise exception 'The amount must be above zero'
            using errcode = 'TM201', column = 'amount_minor';
    end if;

    -- The same lock as in payments_stay_within_bounds, taken before the sums are read.
    perform from app.consultations as c where c.id = v_refunded.consultation_id for no key update;
    if p_amount_minor > app.refundable_minor(p_payment_id) then
        perform app.refuse_under_key(
            v_key, 'TM909', 'The refund exceeds what is left of the payment');
        return null;
    end if;

    insert into app.payments
        (consultation_id, kind, refunded_payment_id, amount_minor, currency, method, reason)
    values (
        v_refunded.consultation_id, 'refund', p_payment_id, p_amount_minor,
        v_refunded.currency, v_refunded.method, p_reason)
    returning id into v_refund_id;

    select p.* into strict v_refund from api.payments as p where p.id = v_refund_id;
    -- The answer has the consultation and the method of the payment, which the caller did not send.
    perform app.record_read('refund_payment', array[v_refunded.consultation_id]);
    perform app.settle_key(v_key, v_refund_id, to_jsonb(v_refund));
    return v_refund;
end;
$$;

comment on function api.refund_payment(uuid, bigint, text, text) is
'Records a refund of one payment, in its currency and by its method. The refunds of a payment never
exceed it. p_amount_minor: minor units. p_reason: 1 to 4000 characters. p_idempotency_key is
required. For admins. The access log records the call, because the answer has data of the payment.
Raises TM101, TM102, TM201, TM203, TM206, TM208, TM301, TM302, TM404, TM909, TM991. TM909 is stored
under the key, see app.refuse.';

grant execute on function api.refund_payment(uuid, bigint, text, text) to telemed_api, telemed_dba;

commit;
