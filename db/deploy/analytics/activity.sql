-- Deploy telemed:analytics/activity to pg

begin;

create domain app.total_minor as bigint
constraint total_minor_is_not_negative check (value >= 0);
comment on domain app.total_minor is
'A sum of amounts of money, in minor units of the currency beside it.';

-- Four functions speak of activity. The sums are kept from the audit log, which a transaction
-- writes in any case: a booking does no work for them and waits for no row of them.
--
--   app.activity_of_rows        what the tables say (the truth)
--   app.activity_of_changes     what a part of the audit log adds to it
--   app.fold_changes            adds the sealed part of the audit log to the sums, once
--   the sums + app.activity_of_changes(after the folded part) = app.activity_of_rows, in every
--   snapshot: app.analytics_invariants
create type app.activity as (
    at timestamptz,
    doctor_id uuid,
    currency text,
    users bigint,
    patients bigint,
    doctors bigint,
    consultations bigint,
    completed bigint,
    cancelled bigint,
    booked_seconds bigint,
    open_seconds bigint,
    prescriptions bigint,
    payments bigint,
    refunds bigint,
    paid_minor bigint,
    refunded_minor bigint
);

comment on type app.activity is
'What happened at an instant, with a doctor, in a currency; or the sum of several such. An account
counts at its creation, a consultation and an open slot at their start, a prescription at its issue,
a payment or refund at its recording. doctor_id is null for accounts; currency is null for all but
money. Consultations that are not cancelled book time, in whole seconds.';

create table app.activity_by_quarter_hour (
    id bigint generated always as identity primary key,
    starts_at app.instant not null,
    currency app.currency,
    users bigint not null,
    patients bigint not null,
    doctors bigint not null,
    consultations bigint not null,
    completed bigint not null,
    cancelled bigint not null,
    booked_seconds bigint not null,
    open_seconds bigint not null,
    prescriptions bigint not null,
    payments bigint not null,
    refunds bigint not null,
    paid_minor app.total_minor not null,
    refunded_minor app.total_minor not null,
    constraint activity_by_quarter_hour_starts_at_a_quarter
    check (starts_at = date_bin('15 minutes', starts_at, '2000-01-01 00:00:00+00')),
    constraint activity_by_quarter_hour_has_one_row_for_each_currency
    unique nulls not distinct (starts_at, currency)
);

comment on table app.activity_by_quarter_hour is
'Sums of app.activity of the whole clinic for each quarter of an hour, up to
app.activity_folds.last_id. Since 1972 the offset of every time zone is a multiple of a quarter of
an hour, so the days of every zone consist of whole quarters.';
comment on column app.activity_by_quarter_hour.currency is
'The currency of the money in the row. The row without a currency has everything else.';

create table app.activity_by_doctor_and_day (
    id bigint generated always as identity primary key,
    day date not null,
    -- No foreign key: the rows that are summed up have one.
    doctor_id uuid not null,
    currency app.currency,
    consultations bigint not null,
    completed bigint not null,
    cancelled bigint not null,
    booked_seconds bigint not null,
    open_seconds bigint not null,
    payments bigint not null,
    refunds bigint not null,
    paid_minor app.total_minor not null,
    refunded_minor app.total_minor not null,
    constraint activity_by_doctor_and_day_has_one_row_for_each_currency
    unique nulls not distinct (day, doctor_id, currency)
);

comment on table app.activity_by_doctor_and_day is
'Sums of app.activity for each doctor and day in UTC, up to app.activity_folds.last_id.';
comment on column app.activity_by_doctor_and_day.currency is
'The currency of the money in the row. The row without a currency has everything else.';

create table app.activity_folds (
    only_row boolean primary key default true,
    last_id bigint not null default 0,
    constraint activity_folds_has_one_row check (only_row),
    constraint activity_folds_last_id_is_not_negative check (last_id >= 0)
);

comment on table app.activity_folds is
'How far the audit log is folded into the sums of activity, in one row.';
comment on column app.activity_folds.last_id is
'The last id of the audit log whose change is in the sums. Every smaller id is, too.';

insert into app.activity_folds default values;

create trigger activity_folds_are_never_deleted
before delete on app.activity_folds
for each row execute function app.rows_are_append_only();

create trigger activity_folds_are_never_truncated
before truncate on app.activity_folds
for each statement execute function app.rows_are_append_only();

alter table app.activity_by_quarter_hour enable row level security;
alter table app.activity_by_quarter_hour force row level security;
create policy activity_by_quarter_hour_is_internal
on app.activity_by_quarter_hour to telemed_internal using (true);

alter table app.activity_by_doctor_and_day enable row level security;
alter table app.activity_by_doctor_and_day force row level security;
create policy activity_by_doctor_and_day_is_internal
on app.activity_by_doctor_and_day to telemed_internal using (true);

alter table app.activity_folds enable row level security;
alter table app.activity_folds force row level security;
create policy activity_folds_are_internal on app.activity_folds to telemed_internal using (true);

set local role telemed_internal;
create function app.activity_of_rows(p_from timestamptz, p_to timestamptz)
returns setof app.activity
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return query
    select (r.activity).*
    from (
        select (
            u.created_at, null, null, 1, (u.role = 'patient')::integer,
            (u.role = 'doctor')::integer, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)::app.activity as activity
        from app.users as u
        where u.created_at >= p_from and u.created_at < p_to
    ) as r;

    return query
    select (r.activity).*
    from (
        select (
            c.starts_at, c.doctor_id, null, 0, 0, 0, 1, (c.status = 'completed')::integer,
            (c.status = 'cancelled')::integer,
            case when c.status = 'cancelled' then 0
                else floor(extract(epoch from c.ends_at - c.starts_at)) end,
            0, 0, 0, 0, 0, 0)::app.activity as activity
        from app.consultations as c
        where c.starts_at >= p_from and c.starts_at < p_to
    ) as r;

    -- The time of a booked slot is that of its consultation.
    return query
    select (r.activity).*
    from (
        select (
            s.starts_at, s.doctor_id, null, 0, 0, 0, 0, 0, 0, 0,
            floor(extract(epoch from s.ends_at - s.starts_at)),
            0, 0, 0, 0, 0)::app.activity as activity
        from app.availability_slots as s
        where s.status = 'open' and s.starts_at >= p_from and s.starts_at < p_to
    ) as r;

    return query
    select (r.activity).*
    from (
        select (
            p.issued_at, c.doctor_id, null, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0
        )::app.activity as activity
        from app.prescriptions as p
        inner join app.consultations as c on c.id = p.consultation_id
        where p.issued_at >= p_from and p.issued_at < p_to
    ) as r;

    return query
    select (r.activity).*
    from (
        select (
            p.created_at, c.doctor_id, p.currency, 0, 0, 0, 0, 0, 0, 0, 0, 0,
            (p.kind = 'payment')::integer, (p.kind = 'refund')::integer,
            case when p.kind = 'payment' then p.amount_minor else 0 end,
            case when p.kind = 'refund' then p.amount_minor else 0 end)::app.activity as activity
        from app.payments as p
        inner join app.consultations as c on c.id = p.consultation_id
        where p.created_at >= p_from and p.created_at < p_to
    ) as r;
end;
$$;

comment on function app.activity_of_rows(timestamptz, timestamptz) is
'The activity from p_from (included) to p_to (excluded) by the present rows of the tables, one row
for each account, consultation, open slot, prescription, payment and refund.';

create function app.activity_of_version(p_table_name text, p_version jsonb)
returns app.activity
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    -- Else a payment.
    case p_table_name
        when 'users' then
            return (
                p_version ->> 'created_at', null, null, 1,
                (p_version ->> 'role' = 'patient')::integer,
                (p_version ->> 'role' = 'doctor')::integer,
                0, 0, 0, 0, 0, 0, 0, 0, 0, 0)::app.activity;
        when 'consultations' then
            return (
                p_version ->> 'starts_at', p_version ->> 'doctor_id', null, 0, 0, 0, 1,
                (p_version ->> 'status' = 'completed')::integer,
                (p_version ->> 'status' = 'cancelled')::integer,
                case when p_version ->> 'status' = 'cancelled' then 0
                    else floor(extract(
                        epoch from (p_version ->> 'ends_at')::timestamptz
                        - (p_version ->> 'starts_at')::timestamptz)) end,
                0, 0, 0, 0, 0, 0)::app.activity;
        when 'availability_slots' then
            return (
                p_version ->> 'starts_at', p_version ->> 'doctor_id', null,
                0, 0, 0, 0, 0, 0, 0,
                case when p_version ->> 'status' = 'open'
                    then floor(extract(
                        epoch from (p_version ->> 'ends_at')::timestamptz
                        - (p_version ->> 'starts_at')::timestamptz))
                    else 0 end,
                0, 0, 0, 0, 0)::app.activity;
        when 'prescriptions' then
            return (
                p_version ->> 'issued_at',
                (select c.doctor_id from app.consultations as c
                 where c.id = (p_version ->> 'consultation_id')::uuid),
                null, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0)::app.activity;
        else
            return (
                p_version ->> 'created_at',
                (select c.doctor_id from app.consultations as c
                 where c.id = (p_version ->> 'consultation_id')::uuid),
                p_version ->> 'currency', 0, 0, 0, 0, 0, 0, 0, 0, 0,
                (p_version ->> 'kind' = 'payment')::integer,
                (p_version ->> 'kind' = 'refund')::integer,
                case when p_version ->> 'kind' = 'payment'
                    then (p_version ->> 'amount_minor')::bigint else 0 end,
                case when p_version ->> 'kind' = 'refund'
                    then (p_version ->> 'amount_minor')::bigint else 0 end)::app.activity;
    end case;
end;
$$;

comment on function app.activity_of_version(text, jsonb) is
'The activity of one version of a row of users, consultations, availability_slots, prescriptions or
payments, as the audit log has it.';

create function app.activity_of_changes(p_after_id bigint, p_last_id bigint default null)
returns setof app.activity
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    -- The old version is taken away, the new one is added.
    return query
    select
        a.at, a.doctor_id, a.currency, v.sign * a.users, v.sign * a.patients, v.sign * a.doctors,
        v.sign * a.consultations, v.sign * a.completed, v.sign * a.cancelled,
        v.sign * a.booked_seconds, v.sign * a.open_seconds, v.sign * a.prescriptions,
        v.sign * a.payments, v.sign * a.refunds, v.sign * a.paid_minor, v.sign * a.refunded_minor
    from app.audit_logs as l
    cross join lateral (values (-1, l.old), (1, l.new)) as v (sign, version)
    cross join lateral app.activity_of_version(l.table_name::text, v.version) as a
    where l.id > p_after_id
      and l.id <= coalesce(p_last_id, 9223372036854775807)
      and l.table_name in (
          'users', 'consultations', 'availability_slots', 'prescriptions', 'payments')
      and v.version is not null;
end;
$$;

comment on function app.activity_of_changes(bigint, bigint) is
'What the rows of the audit log after p_after_id, up to p_last_id (null: all), add to the activity:
two rows for an update, of which the first takes the old version away.';

create function app.fold_changes(p_rows bigint default null, p_rebuild boolean default false)
returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_after bigint;
    v_last bigint;
begin
    -- Two folds take turns here. No other transaction writes these tables.
    select f.last_id into strict v_after from app.activity_folds as f for update;
    -- No row can still appear among the sealed ids: see ops.seal_audit.
    select coalesce(max(s.last_id), 0) into v_last from app.audit_seals as s;
    if p_rebuild then
        delete from app.activity_by_quarter_hour;
        delete from app.activity_by_doctor_and_day;
    else
        v_last := greatest(v_after, least(v_last, v_after + p_rows));
        if v_last = v_after then
            return 0::bigint;
        end if;
    end if;

    with activity as materialized (
        select 1 as sign, a.*
        from app.activity_of_changes(v_after, v_last) as a
        where not p_rebuild
        union all
        select 1, a.*
        from app.activity_of_rows('-infinity', 'infinity') as a
        where p_rebuild
        union all
        -- The same snapshot: what the rows say, less what is not folded yet.
        select -1, a.*
        from app.activity_of_changes(v_last) as a
        where p_rebuild
    ),
    by_time as (
        insert into app.activity_by_quarter_hour as t (
            starts_at, currency, users, patients, doctors, consultations, completed, cancelled,
            booked_seconds, open_seconds, prescriptions, payments, refunds, paid_minor,
            refunded_minor)
        select
            date_bin('15 minutes', a.at, '2000-01-01 00:00:00+00'), a.currency,
            sum(sign * users), sum(sign * patients), sum(sign * doctors),
            sum(sign * consultations), sum(sign * completed), sum(sign * cancelled),
            sum(sign * booked_seconds), sum(sign * open_seconds), sum(sign * prescriptions),
            sum(sign * payments), sum(sign * refunds), sum(sign * paid_minor),
            sum(sign * refunded_minor)
        from activity as a
        group by 1, 2
        having (
            sum(sign * users), sum(sign * patients), sum(sign * doctors),
            sum(sign * consultations), sum(sign * completed), sum(sign * cancelled),
            sum(sign * booked_seconds), sum(sign * open_seconds), sum(sign * prescriptions),
            sum(sign * payments), sum(sign * refunds)) <> (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
        on conflict (starts_at, currency) do update set
            users = t.users + excluded.users,
            patients = t.patients + excluded.patients,
            doctors = t.doctors + excluded.doctors,
            consultations = t.consultations + excluded.consultations,
            completed = t.completed + excluded.completed,
            cancelled = t.cancelled + excluded.cancelled,
            booked_seconds = t.booked_seconds + excluded.booked_seconds,
            open_seconds = t.open_seconds + excluded.open_seconds,
            prescriptions = t.prescriptions + excluded.prescriptions,
            payments = t.payments + excluded.payments,
            refunds = t.refunds + excluded.refunds,
            paid_minor = t.paid_minor + excluded.paid_minor,
            refunded_minor = t.refunded_minor + excluded.refunded_minor
    )
    insert into app.activity_by_doctor_and_day as t (
        day, doctor_id, currency, consultations, completed, cancelled, booked_seconds,
        open_seconds, payments, refunds, paid_minor, refunded_minor)
    select
        (a.at at time zone 'UTC')::date, a.doctor_id, a.currency,
        sum(sign * consultations), sum(sign * completed), sum(sign * cancelled),
        sum(sign * booked_seconds), sum(sign * open_seconds),
        sum(sign * payments), sum(sign * refunds), sum(sign * paid_minor),
        sum(sign * refunded_minor)
    from activity as a
    where a.doctor_id is not null
    group by 1, 2, 3
    having (
        sum(sign * consultations), sum(sign * completed), sum(sign * cancelled),
        sum(sign * booked_seconds), sum(sign * open_seconds),
        sum(sign * payments), sum(sign * refunds)) <> (0, 0, 0, 0, 0, 0, 0)
    on conflict (day, doctor_id, currency) do update set
        consultations = t.consultations + excluded.consultations,
        completed = t.completed + excluded.completed,
        cancelled = t.cancelled + excluded.cancelled,
        booked_seconds = t.booked_seconds + excluded.booked_seconds,
        open_seconds = t.open_seconds + excluded.open_seconds,
        payments = t.payments + excluded.payments,
        refunds = t.refunds + excluded.refunds,
        paid_minor = t.paid_minor + excluded.paid_minor,
        refunded_minor = t.refunded_minor + excluded.refunded_minor;

    update app.activity_folds set last_id = v_last;
    return v_last - v_after;
end;
$$;

comment on function app.fold_changes(bigint, boolean) is
'Adds the changes in the sealed part of the audit log to the sums of activity, each of them once,
and returns the number of ids: at most p_rows, without a limit if p_rows is null. p_rebuild:
computes the sums again from the rows of the tables. No booking waits for it.';
reset role;

commit;
