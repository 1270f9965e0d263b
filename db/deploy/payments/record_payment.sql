-- Deploy telemed:payments/record_payment to pg

begin;

create function api.record_payment(
    p_consultation_id uuid,
    p_amount_minor bigint,
    p_currency text,
    p_method text,
    p_provider_reference text default null,
    p_provider text default null,
    p_idempotency_key text default null
)
returns api.payments
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_actor app.actor := app.require_role('admin');
    v_consultation app.consultations := app.visible_consultation(v_actor, p_consultation_id);
    v_key app.idempotency_keys;
    v_payment_id uuid;
    v_payment api.payments;
begin
    perform app.require_key(p_idempotency_key);
    v_key := app.claim_key(
        v_actor.user_id, 'record_payment', p_idempotency_key,
        jsonb_build_object(
            'consultation_id', p_consultation_id, 'amount_minor', p_amount_minor,
            'currency', p_currency, 'method', p_method,
            'provider_reference', p_provider_reference, 'provider', p_provider));
    if v_key.created_at is not null then
        return jsonb_populate_record(null::api.payments, v_key.response);
    end if;

    perform app.refuse_faults(array(
        select row(f.field, f.code, f.detail)::app.fault
        from (values
            (p_amount_minor is null or p_amount_minor <= 0,
                'amount_minor', 'TM201', 'The amount must be above zero'),
            (p_currency is distinct from v_consultation.currency,
                'currency', 'TM205', 'The currency must be that of the consultation'),
            (p_provider is not null and p_provider_reference is null,
                'provider_reference', 'TM201', 'A provider requires a provider_reference')
        ) as f (is_wrong, field, code, detail)
        where f.is_wrong));

    -- Lock order: the provider's transaction, then the consultation. The second of two reports of
    -- one transaction waits here and finds the first. The index
    -- payments_of_a_provider_are_recorded_once also refuses a duplicate.
    if p_provider_reference is not null then
        perform pg_advisory_xact_lock(
            hashtextextended(concat_ws('/', 'payment', p_provider, '', p_provider_reference), 0));
        select p.* into v_payment
        from api.payments as p
        where p.kind = 'payment'
          and p.provider is not distinct from p_provider
          and p.provider_reference = p_provider_reference;
        if found and (v_payment.consultation_id, v_payment.amount_minor, v_payment.method)
            is distinct from (p_consultation_id, p_amount_minor, p_method) then
            perform app.refuse_under_key(
                v_key, 'TM923',
                'The provider''s transaction is already recorded with other details');
            return null;
        elsif found then
            perform app.settle_key(v_key, v_payment.id, to_jsonb(v_payment));
            return v_payment;
        end if;
    end if;

    -- The same lock as in payments_stay_within_bounds, taken before the sums are read.
    select c.* into strict v_consultation
    from app.consultations as c where c.id = p_consultation_id for no key update;
    if v_consultation.status = 'cancelled' then
        perform app.refuse_under_key(v_key, 'TM905', 'A cancelled consultation cannot be paid');
        return null;
    end if;
    if p_amount_minor > app.payable_minor(p_consultation_id) then
        perform app.refuse_under_key(v_key, 'TM908', 'The payment exceeds the amount due');
        return null;
    end if;

    insert into app.payments
        (consultation_id, kind, amount_minor, currency, method, provider, provider_reference)
    values (
        p_consultation_id, 'payment', p_amount_minor, p_currency, p_method, p_provider,
        p_provider_reference)
    returning id into v_payment_id;

    select p.* into strict v_payment from api.payments as p where p.id = v_payment_id;
    perform app.settle_key(v_key, v_payment_id, to_jsonb(v_payment));
    return v_payment;
end;
$$;

comment on function api.record_payment(uuid, bigint, text, text, text, text, text) is
'Records a payment for a consultation that is not cancelled. The net payment never exceeds the fee.
p_amount_minor: minor units of p_currency, which must be the currency of the consultation. p_method:
a lower-case word such as card. p_provider_reference: the number of the payment at p_provider (a
lower-case word). Each reference of a provider is recorded once: a second report with the same
details under another key returns the first payment. p_idempotency_key is required. For admins.
Raises TM101, TM102, TM201, TM203, TM205, TM206, TM208, TM301, TM302, TM403, TM905, TM908, TM923,
TM991. TM905, TM908 and TM923 are stored under the key, see app.refuse.';

grant execute on function api.record_payment(uuid, bigint, text, text, text, text, text)
to telemed_api, telemed_dba;

commit;
