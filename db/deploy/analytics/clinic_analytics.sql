-- Deploy telemed:analytics/clinic_analytics to pg

begin;

create type api.revenue as (
    currency text,
    paid_minor bigint,
    refunded_minor bigint,
    net_minor bigint
);
comment on type api.revenue is
'Money of one currency in its minor units: payments, refunds, and payments less refunds.';

create type api.daily_metrics as (
    day date,
    consultations bigint,
    completed_consultations bigint,
    cancelled_consultations bigint,
    payments bigint
);
comment on type api.daily_metrics is 'The metrics of one day in UTC.';

create type api.clinic_metrics as (
    users bigint,
    patients bigint,
    doctors bigint,
    consultations bigint,
    scheduled_consultations bigint,
    completed_consultations bigint,
    cancelled_consultations bigint,
    prescriptions bigint,
    payments bigint,
    refunds bigint,
    revenue api.revenue[],
    daily api.daily_metrics[]
);
comment on type api.clinic_metrics is 'Metrics of the clinic: see api.clinic_analytics.';

create function api.clinic_analytics(
    p_from timestamptz default null,
    p_to timestamptz default null
)
returns api.clinic_metrics
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_from timestamptz := coalesce(p_from, '-infinity');
    v_to timestamptz := coalesce(p_to, 'infinity');
    v_metrics api.clinic_metrics;
begin
    perform app.require_role('admin');
    if v_from >= v_to then
        raise exception 'from must be before to' using errcode = 'TM202', column = 'to';
    end if;

    select
        count(*),
        count(*) filter (where u.role = 'patient'),
        count(*) filter (where u.role = 'doctor')
    into v_metrics.users, v_metrics.patients, v_metrics.doctors
    from app.users as u
    where u.created_at >= v_from and u.created_at < v_to;

    select count(*) into v_metrics.prescriptions
    from app.prescriptions as p
    where p.issued_at >= v_from and p.issued_at < v_to;

    with by_day as (
        select
            (c.starts_at at time zone 'UTC')::date as day,
            count(*) as consultations,
            count(*) filter (where c.status = 'completed') as completed,
            count(*) filter (where c.status = 'cancelled') as cancelled
        from app.consultations as c
        where c.starts_at >= v_from and c.starts_at < v_to
        group by 1
    ),
    paid_by_day as (
        select (p.created_at at time zone 'UTC')::date as day, count(*) as payments
        from app.payments as p
        where p.kind = 'payment' and p.created_at >= v_from and p.created_at < v_to
        group by 1
    )
    select
        coalesce(sum(d.consultations), 0)::bigint,
        coalesce(sum(d.consultations - d.completed - d.cancelled), 0)::bigint,
        coalesce(sum(d.completed), 0)::bigint,
        coalesce(sum(d.cancelled), 0)::bigint,
        coalesce(
            array_agg(
                (day, coalesce(d.consultations, 0), coalesce(d.completed, 0),
                 coalesce(d.cancelled, 0), coalesce(m.payments, 0))::api.daily_metrics
                order by day),
            '{}')
    into
        v_metrics.consultations, v_metrics.scheduled_consultations,
        v_metrics.completed_consultations, v_metrics.cancelled_consultations, v_metrics.daily
    from by_day as d
    full join paid_by_day as m using (day);

    with by_currency as (
        select
            p.currency,
            count(*) filter (where p.kind = 'payment') as payments,
            count(*) filter (where p.kind = 'refund') as refunds,
            coalesce(sum(p.amount_minor) filter (where p.kind = 'payment'), 0)::bigint as paid,
            coalesce(sum(p.amount_minor) filter (where p.kind = 'refund'), 0)::bigint as refunded
        from app.payments as p
        where p.created_at >= v_from and p.created_at < v_to
        group by p.currency
    )
    select
        coalesce(sum(c.payments), 0)::bigint,
        coalesce(sum(c.refunds), 0)::bigint,
        coalesce(
            array_agg(
                (c.currency, c.paid, c.refunded, c.paid - c.refunded)::api.revenue
                order by c.currency),
            '{}')
    into v_metrics.payments, v_metrics.refunds, v_metrics.revenue
    from by_currency as c;

    return v_metrics;
end;
$$;

comment on function api.clinic_analytics(timestamptz, timestamptz) is
'Returns metrics of the clinic from p_from (included) to p_to (excluded), by default of all time.
Accounts count at their creation, consultations at their start, prescriptions at their issue,
payments and refunds at their recording. daily has one entry for each day in UTC with a consultation
or a payment. For admins. Raises TM101, TM102, TM202, TM301, TM302.';

grant execute on function api.clinic_analytics(timestamptz, timestamptz)
to telemed_api, telemed_dba;

commit;
