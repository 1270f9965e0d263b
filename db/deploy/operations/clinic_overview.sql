-- Deploy telemed:operations/clinic_overview to pg

begin;

create type ops.measures as (name text, value numeric, unit text, meaning text);

comment on type ops.measures is 'A figure, what it counts and what it says.';

set local role telemed_internal;
create function ops.clinic_overview()
returns setof ops.measures
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now constant timestamptz := app.clock();
    v_sealed bigint;
begin
    perform app.forget_actor();
    select coalesce(max(s.last_id), 0) into v_sealed from app.audit_seals as s;
    return query
    select 'users_' || u.role, count(*)::numeric, 'users', 'accounts that are not closed'
    from app.users as u
    where u.deactivated_at is null
    group by u.role
    order by u.role;

    return query
    values
    ('users_deactivated',
     (select count(*)::numeric from app.users as u where u.deactivated_at is not null),
     'users', 'accounts that were closed'),
    ('sessions_in_force',
     (select count(*)::numeric from app.sessions as s
      where s.revoked_at is null and s.expires_at > v_now),
     'sessions', 'log-ins that can go on'),
    ('slots_open',
     (select count(*)::numeric from app.availability_slots as s
      where s.status = 'open' and s.starts_at >= v_now),
     'slots', 'to be booked from now on'),
    ('slots_open_next_7_days',
     (select count(*)::numeric from app.availability_slots as s
      where s.status = 'open' and s.starts_at >= v_now
        and s.starts_at < v_now + interval '7 days'),
     'slots', 'to be booked within a week'),
    ('consultations_scheduled',
     (select count(*)::numeric from app.consultations as c
      where c.status = 'scheduled' and c.starts_at >= v_now),
     'consultations', 'that are still to come'),
    ('consultations_overdue',
     (select count(*)::numeric from app.consultations as c
      where c.status = 'scheduled' and c.ends_at < v_now),
     'consultations', 'over for their time, neither completed nor cancelled'),
    ('bookings_last_24_hours',
     (select count(*)::numeric from app.consultations as c
      where c.id >= app.first_id_since(v_now - interval '24 hours')),
     'consultations', 'booked within a day'),
    ('audit_rows_not_sealed',
     (select count(*)::numeric from app.audit_logs as l where l.id > v_sealed),
     'rows', 'of the audit trail that ops.seal_audit has not closed yet'),
    ('audit_oldest_not_sealed',
     (select round(extract(epoch from clock_timestamp() - min(l.occurred_at)))
      from app.audit_logs as l where l.id > v_sealed),
     'seconds', 'age of the oldest of them'),
    ('denials_last_24_hours',
     (select count(*)::numeric from app.access_logs as l
      where l.kind = 'denied' and l.occurred_at >= clock_timestamp() - interval '24 hours'),
     'refusals', 'in the access log'),
    ('connections',
     (select count(*)::numeric from pg_stat_activity as a where a.datname = current_database()),
     'connections', 'to this database'),
    ('database_size', pg_database_size(current_database())::numeric,
     'bytes', 'on disk, all in all');
end;
$$;

comment on function ops.clinic_overview() is
'The clinic and its database at a glance: figures with their unit and meaning. It counts through
indexes, except of slots, users and sessions.';

grant execute on function ops.clinic_overview() to telemed_dba;

commit;
