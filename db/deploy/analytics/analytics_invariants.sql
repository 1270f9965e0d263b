-- Deploy telemed:analytics/analytics_invariants to pg

begin;

set local role telemed_internal;

create function app.analytics_invariants(p_since timestamptz)
returns setof app.invariant
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    -- Whole days, because there is a sum for each day of a doctor.
    v_from constant timestamptz := coalesce(
        date_bin('24 hours', p_since, '2000-01-01 00:00:00+00'), '-infinity');
    v_to constant timestamptz := case
        when p_since is null then 'infinity'
        else date_bin('24 hours', app.clock() + interval '24 hours', '2000-01-01 00:00:00+00')
    end;
begin
    return query
    with activity as (
        select 1 as sign, a.*
        from app.activity_of_changes((select f.last_id from app.activity_folds as f)) as a
        where a.at >= v_from and a.at < v_to
        union all
        select -1, a.* from app.activity_of_rows(v_from, v_to) as a
    )
    select
        'the_activity_of_a_quarter_hour_is_that_of_its_rows',
        'The sums of each quarter of an hour, with the changes that are not folded, are those of'
        ' the accounts, consultations, slots, prescriptions and payments.',
        array(
            select concat_ws(' ', d.starts_at at time zone 'UTC', d.currency)
            from (
                select
                    date_bin('15 minutes', a.at, '2000-01-01 00:00:00+00') as starts_at,
                    a.currency, a.sign * a.users as users, a.sign * a.patients as patients,
                    a.sign * a.doctors as doctors, a.sign * a.consultations as consultations,
                    a.sign * a.completed as completed, a.sign * a.cancelled as cancelled,
                    a.sign * a.booked_seconds as booked_seconds,
                    a.sign * a.open_seconds as open_seconds,
                    a.sign * a.prescriptions as prescriptions, a.sign * a.payments as payments,
                    a.sign * a.refunds as refunds, a.sign * a.paid_minor as paid_minor,
                    a.sign * a.refunded_minor as refunded_minor
                from activity as a
                union all
                select
                    t.starts_at, t.currency, t.users, t.patients, t.doctors, t.consultations,
                    t.completed, t.cancelled, t.booked_seconds, t.open_seconds, t.prescriptions,
                    t.payments, t.refunds, t.paid_minor, t.refunded_minor
                from app.activity_by_quarter_hour as t
                where t.starts_at >= v_from and t.starts_at < v_to
            ) as d
            group by d.starts_at, d.currency
            having (
                sum(d.users), sum(d.patients), sum(d.doctors), sum(d.consultations),
                sum(d.completed), sum(d.cancelled), sum(d.booked_seconds), sum(d.open_seconds),
                sum(d.prescriptions), sum(d.payments), sum(d.refunds), sum(d.paid_minor),
                sum(d.refunded_minor)) <> (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0));

    return query
    with activity as (
        select 1 as sign, a.*
        from app.activity_of_changes((select f.last_id from app.activity_folds as f)) as a
        where a.at >= v_from and a.at < v_to
        union all
        select -1, a.* from app.activity_of_rows(v_from, v_to) as a
    )
    select
        'the_activity_of_a_doctor_is_that_of_its_rows',
        'The sums of each day of a doctor, with the changes that are not folded, are those of the'
        ' doctor''s consultations, slots and payments.',
        array(
            select concat_ws(' ', d.day, d.doctor_id, d.currency)
            from (
                select
                    (a.at at time zone 'UTC')::date as day, a.doctor_id, a.currency,
                    a.sign * a.consultations as consultations, a.sign * a.completed as completed,
                    a.sign * a.cancelled as cancelled,
                    a.sign * a.booked_seconds as booked_seconds,
                    a.sign * a.open_seconds as open_seconds, a.sign * a.payments as payments,
                    a.sign * a.refunds as refunds, a.sign * a.paid_minor as paid_minor,
                    a.sign * a.refunded_minor as refunded_minor
                from activity as a
                where a.doctor_id is not null
                union all
                select
                    t.day, t.doctor_id, t.currency, t.consultations, t.completed, t.cancelled,
                    t.booked_seconds, t.open_seconds, t.payments, t.refunds, t.paid_minor,
                    t.refunded_minor
                from app.activity_by_doctor_and_day as t
                where t.day >= (v_from at time zone 'UTC')::date
                  and t.day < (v_to at time zone 'UTC')::date
            ) as d
            group by d.day, d.doctor_id, d.currency
            having (
                sum(d.consultations), sum(d.completed), sum(d.cancelled), sum(d.booked_seconds),
                sum(d.open_seconds), sum(d.payments), sum(d.refunds), sum(d.paid_minor),
                sum(d.refunded_minor)) <> (0, 0, 0, 0, 0, 0, 0, 0, 0));
end;
$$;

comment on function app.analytics_invariants(timestamptz) is
'The invariants of the sums of activity, one row each. p_since: only the sums of days from then to
today; null: all sums.';

reset role;

commit;
