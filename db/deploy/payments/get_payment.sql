-- Deploy telemed:payments/get_payment to pg

begin;

create function api.get_payment(p_payment_id uuid)
returns api.payments
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_actor app.actor := app.require_role('patient', 'admin');
    v_payment api.payments;
begin
    select p.* into v_payment
    from api.payments as p
    inner join app.consultations as c on c.id = p.consultation_id
    where p.id = p_payment_id
      and (v_actor.role = 'admin' or c.patient_id = v_actor.user_id);
    if not found then
        raise exception 'There is no such payment' using errcode = 'TM404';
    end if;
    if v_actor.role <> 'patient' then
        perform app.record_read('get_payment', array[v_payment.consultation_id]);
    end if;
    return v_payment;
end;
$$;

comment on function api.get_payment(uuid) is
'Returns one payment or refund to the patient of its consultation and to admins. The access log
records it when an admin reads. Raises TM101, TM102, TM301, TM302, TM404.';

grant execute on function api.get_payment(uuid) to telemed_api, telemed_dba;

commit;
