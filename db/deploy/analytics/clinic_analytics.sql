-- Deploy telemed:analytics/clinic_analytics to pg

begin;

create type api.revenue as (
    currency text,
    currency_exponent smallint,
    paid_minor bigint,
    refunded_minor bigint,
    net_minor bigint
);
comment on type api.revenue is
'Money of one currency in its minor units: payments, refunds, and payments less refunds.
currency_exponent: see app.currency_exponent.';

create type api.figures as (
    consultations bigint,
    scheduled_consultations bigint,
    completed_consultations bigint,
    cancelled_consultations bigint,
    offered_seconds bigint,
    booked_seconds bigint,
    utilisation numeric,
    payments bigint,
    refunds bigint,
    revenue api.revenue[]
);
comment on type api.figures is
'Figures of a period, a specialty or a doctor. offered_seconds: the length of the slots that are
open or booked; booked_seconds: of the booked ones. utilisation: booked by offered time, from 0 to 1
with four decimals; null where nothing is offered.';

create type api.period_metrics as (
    starts_on date,
    consultations bigint,
    scheduled_consultations bigint,
    completed_consultations bigint,
    cancelled_consultations bigint,
    offered_seconds bigint,
    booked_seconds bigint,
    utilisation numeric,
    payments bigint,
    refunds bigint,
    revenue api.revenue[]
);
comment on type api.period_metrics is
'The figures of one day, or of one week, which begins on a Monday. See api.figures.';

create type api.specialty_metrics as (
    specialty_code text,
    specialty text,
    consultations bigint,
    scheduled_consultations bigint,
    completed_consultations bigint,
    cancelled_consultations bigint,
    offered_seconds bigint,
    booked_seconds bigint,
    utilisation numeric,
    payments bigint,
    refunds bigint,
    revenue api.revenue[]
);
comment on type api.specialty_metrics is
'The figures of the doctors who have a specialty now: its code and its name in the list of
specialties. See api.figures.';

create type api.doctor_metrics as (
    doctor_id uuid,
    doctor_name text,
    specialty text,
    consultations bigint,
    scheduled_consultations bigint,
    completed_consultations bigint,
    cancelled_consultations bigint,
    offered_seconds bigint,
    booked_seconds bigint,
    utilisation numeric,
    payments bigint,
    refunds bigint,
    revenue api.revenue[]
);
comment on type api.doctor_metrics is 'The figures of one doctor. See api.figures.';

create type api.clinic_metrics as (
    users bigint,
    patients bigint,
    doctors bigint,
    prescriptions bigint,
    consultations bigint,
    scheduled_consultations bigint,
    completed_consultations bigint,
    cancelled_consultations bigint,
    offered_seconds bigint,
    booked_seconds bigint,
    utilisation numeric,
    payments bigint,
    refunds bigint,
    revenue api.revenue[],
    series api.period_metrics[],
    by_specialty api.specialty_metrics[],
    by_doctor api.doctor_metrics[]
);
comment on type api.clinic_metrics is 'Metrics of the clinic: see api.clinic_analytics.';

-- Both functions read sums for the whole quarters or days of the range, the audit log for what is
-- not folded into the sums yet, and the rows themselves for the ends of the range. STABLE: all of
-- it in the snapshot of the caller's statement.
set local role telemed_internal;
create function app.activity_by_period(
    p_from timestamptz, p_to timestamptz, p_bucket text, p_time_zone text
)
returns setof app.activity
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_first constant timestamptz := least(
        p_to,
        date_bin(
            '15 minutes', p_from + interval '15 minutes' - interval '1 microsecond',
            '2000-01-01 00:00:00+00'));
    v_last constant timestamptz := greatest(
        v_first, date_bin('15 minutes', p_to, '2000-01-01 00:00:00+00'));
begin
    return query
    with activity as (
        select
            t.starts_at::timestamptz as at, t.currency::text as currency, t.users, t.patients,
            t.doctors, t.consultations, t.completed, t.cancelled, t.booked_seconds,
            t.open_seconds, t.prescriptions, t.payments, t.refunds,
            t.paid_minor::bigint as paid_minor, t.refunded_minor::bigint as refunded_minor
        from app.activity_by_quarter_hour as t
        where t.starts_at >= v_first and t.starts_at < v_last
        union all
        select
            a.at, a.currency, a.users, a.patients, a.doctors, a.consultations, a.completed,
            a.cancelled, a.booked_seconds, a.open_seconds, a.prescriptions, a.payments, a.refunds,
            a.paid_minor, a.refunded_minor
        from app.activity_of_changes((select f.last_id from app.activity_folds as f)) as a
        where a.at >= v_first and a.at < v_last
        union all
        select
            a.at, a.currency, a.users, a.patients, a.doctors, a.consultations, a.completed,
            a.cancelled, a.booked_seconds, a.open_seconds, a.prescriptions, a.payments, a.refunds,
            a.paid_minor, a.refunded_minor
        from (
            select * from app.activity_of_rows(p_from, v_first)
            union all
            select * from app.activity_of_rows(v_last, p_to)
        ) as a
    )
    select
        date_trunc(p_bucket, a.at at time zone p_time_zone) at time zone 'UTC',
        null::uuid, a.currency,
        sum(a.users)::bigint, sum(a.patients)::bigint, sum(a.doctors)::bigint,
        sum(a.consultations)::bigint, sum(a.completed)::bigint, sum(a.cancelled)::bigint,
        sum(a.booked_seconds)::bigint, sum(a.open_seconds)::bigint, sum(a.prescriptions)::bigint,
        sum(a.payments)::bigint, sum(a.refunds)::bigint, sum(a.paid_minor)::bigint,
        sum(a.refunded_minor)::bigint
    from activity as a
    group by 1, a.currency;
end;
$$;

comment on function app.activity_by_period(timestamptz, timestamptz, text, text) is
'The activity from p_from (included) to p_to (excluded), summed up by currency and by local day or
week (p_bucket: day or week) in p_time_zone. at: the first day of the period, as midnight in UTC.';

create function app.activity_by_doctor(p_from timestamptz, p_to timestamptz)
returns setof app.activity
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_first constant timestamptz := least(
        p_to,
        date_bin(
            '24 hours', p_from + interval '24 hours' - interval '1 microsecond',
            '2000-01-01 00:00:00+00'));
    v_last constant timestamptz := greatest(
        v_first, date_bin('24 hours', p_to, '2000-01-01 00:00:00+00'));
begin
    return query
    with activity as (
        select
            t.doctor_id, t.currency::text as currency, t.consultations, t.completed, t.cancelled,
            t.booked_seconds, t.open_seconds, t.payments, t.refunds,
            t.paid_minor::bigint as paid_minor, t.refunded_minor::bigint as refunded_minor
        from app.activity_by_doctor_and_day as t
        where t.day >= (v_first at time zone 'UTC')::date
          and t.day < (v_last at time zone 'UTC')::date
        union all
        select
            a.doctor_id, a.currency, a.consultations, a.completed, a.cancelled, a.booked_seconds,
            a.open_seconds, a.payments, a.refunds, a.paid_minor, a.refunded_minor
        from app.activity_of_changes((select f.last_id from app.activity_folds as f)) as a
        where a.at >= v_first and a.at < v_last
        union all
        select
            a.doctor_id, a.currency, a.consultations, a.completed, a.cancelled, a.booked_seconds,
            a.open_seconds, a.payments, a.refunds, a.paid_minor, a.refunded_minor
        from (
            select * from app.activity_of_rows(p_from, v_first)
            union all
            select * from app.activity_of_rows(v_last, p_to)
        ) as a
    )
    select
        null::timestamptz, a.doctor_id, a.currency, 0::bigint, 0::bigint, 0::bigint,
        sum(a.consultations)::bigint, sum(a.completed)::bigint, sum(a.cancelled)::bigint,
        sum(a.booked_seconds)::bigint, sum(a.open_seconds)::bigint, 0::bigint,
        sum(a.payments)::bigint, sum(a.refunds)::bigint, sum(a.paid_minor)::bigint,
        sum(a.refunded_minor)::bigint
    from activity as a
    where a.doctor_id is not null
    group by a.doctor_id, a.currency;
end;
$$;

comment on function app.activity_by_doctor(timestamptz, timestamptz) is
'The activity of each doctor from p_from (included) to p_to (excluded), summed up by currency.';
reset role;

create function api.clinic_analytics(
    p_from timestamptz default null,
    p_to timestamptz default null,
    p_bucket text default 'day',
    p_time_zone text default 'UTC'
)
returns api.clinic_metrics
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
-- JIT compiles for longer than the queries run.
set jit = off
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
    -- No row is later. At the end of the calendar, a quarter of an hour more would be out of range.
    if v_from >= '10000-01-01 00:00:00+00' then
        raise exception 'from must be before the year 10000'
            using errcode = 'TM202', column = 'from';
    end if;
    if p_bucket is null or p_bucket not in ('day', 'week') then
        raise exception 'The bucket must be day or week'
            using errcode = 'TM201', column = 'bucket';
    end if;
    perform app.require_time_zone(p_time_zone);

    with by_period as materialized (
        select (a.at at time zone 'UTC')::date as starts_on, a.*
        from app.activity_by_period(v_from, v_to, p_bucket, p_time_zone) as a
    ),
    by_doctor as materialized (
        select d.specialty_code::text as specialty_code, a.*
        from app.activity_by_doctor(v_from, v_to) as a
        inner join app.doctors as d on d.user_id = a.doctor_id
    ),
    -- The same sums for the whole range, and for each period, specialty and doctor. What does not
    -- name a row is null.
    sums as (
        select
            grouping(a.starts_on) = 1 as is_total, a.starts_on, null as specialty_code,
            null::uuid as doctor_id, a.currency, sum(a.consultations) as consultations,
            sum(a.completed) as completed, sum(a.cancelled) as cancelled,
            sum(a.booked_seconds) as booked, sum(a.booked_seconds + a.open_seconds) as offered,
            sum(a.payments) as payments, sum(a.refunds) as refunds, sum(a.paid_minor) as paid,
            sum(a.refunded_minor) as refunded
        from by_period as a
        group by grouping sets ((a.currency), (a.starts_on, a.currency))
        union all
        select
            false, null, a.specialty_code, a.doctor_id, a.currency, sum(a.consultations),
            sum(a.completed), sum(a.cancelled), sum(a.booked_seconds),
            sum(a.booked_seconds + a.open_seconds), sum(a.payments), sum(a.refunds),
            sum(a.paid_minor), sum(a.refunded_minor)
        from by_doctor as a
        group by grouping sets ((a.specialty_code, a.currency), (a.doctor_id, a.currency))
    ),
    summed as (
        select
            s.is_total, s.starts_on, s.specialty_code, s.doctor_id,
            (
                sum(s.consultations), sum(s.consultations - s.completed - s.cancelled),
                sum(s.completed), sum(s.cancelled), sum(s.offered), sum(s.booked),
                round(sum(s.booked) / nullif(sum(s.offered), 0), 4),
                sum(s.payments), sum(s.refunds),
                coalesce(
                    array_agg(
                        (
                            s.currency, app.currency_exponent(s.currency), s.paid, s.refunded,
                            s.paid - s.refunded
                        )::api.revenue
                        order by s.currency) filter (where s.payments + s.refunds > 0),
                    '{}')
            )::api.figures as figures
        from sums as s
        group by s.is_total, s.starts_on, s.specialty_code, s.doctor_id
        having (sum(s.consultations), sum(s.offered), sum(s.payments + s.refunds)) <> (0, 0, 0)
    )
    select
        coalesce(u.users, 0)::bigint, coalesce(u.patients, 0)::bigint,
        coalesce(u.doctors, 0)::bigint, coalesce(u.prescriptions, 0)::bigint,
        coalesce((t.figures).consultations, 0), coalesce((t.figures).scheduled_consultations, 0),
        coalesce((t.figures).completed_consultations, 0),
        coalesce((t.figures).cancelled_consultations, 0),
        coalesce((t.figures).offered_seconds, 0), coalesce((t.figures).booked_seconds, 0),
        (t.figures).utilisation,
        coalesce((t.figures).payments, 0), coalesce((t.figures).refunds, 0),
        coalesce((t.figures).revenue, '{}'),
        array(
            select row(s.starts_on, (s.figures).*)::api.period_metrics
            from summed as s where s.starts_on is not null order by s.starts_on),
        array(
            select row(s.specialty_code, l.name, (s.figures).*)::api.specialty_metrics
            from summed as s
            inner join app.specialties as l on l.code = s.specialty_code
            order by s.specialty_code),
        array(
            select row(s.doctor_id, d.full_name, d.specialty, (s.figures).*)::api.doctor_metrics
            from summed as s
            inner join app.doctors as d on d.user_id = s.doctor_id
            order by d.full_name, s.doctor_id)
    into v_metrics
    from (
        select
            sum(p.users) as users, sum(p.patients) as patients, sum(p.doctors) as doctors,
            sum(p.prescriptions) as prescriptions
        from by_period as p
    ) as u
    left join summed as t on t.is_total;

    return v_metrics;
end;
$$;

comment on function api.clinic_analytics(timestamptz, timestamptz, text, text) is
'Returns metrics of the clinic from p_from (included, before the year 10000) to p_to (excluded), by
default of all time. Accounts count at their creation, consultations and slots at their start,
prescriptions at their issue, payments and refunds at their recording. series has one entry for each
local day or week (p_bucket: day or week, from Monday) in p_time_zone (an IANA name) with a
consultation, an offered slot, a payment or a refund; by_specialty and by_doctor likewise. A
consultation whose patient did not come is not distinguished. The figures are those of this moment:
app.activity_of_changes adds what is not folded yet. For admins. Raises TM101, TM102, TM201, TM202,
TM204, TM301, TM302.';

grant execute on function api.clinic_analytics(timestamptz, timestamptz, text, text)
to telemed_api, telemed_dba;

commit;
