-- Deploy telemed:operations/clinic_overview to pg

begin;

create type ops.measures as (name text, value numeric, unit text, meaning text);

comment on type ops.measures is 'A figure with its unit and its meaning.';

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
    select 'users_' || u.role, count(*)::numeric, 'users', 'accounts that are not deactivated'
    from app.users as u
    where u.deactivated_at is null
    group by u.role
    order by u.role;

    return query
    values
    ('users_deactivated',
     (select count(*)::numeric from app.users as u where u.deactivated_at is not null),
     'users', 'accounts that are deactivated'),
    ('sessions_in_force',
     (select count(*)::numeric from app.sessions as s
      where s.revoked_at is null and s.expires_at > v_now),
     'sessions', 'sessions that are neither revoked nor expired'),
    ('slots_open',
     (select count(*)::numeric from app.availability_slots as s
      where s.status = 'open' and s.starts_at >= v_now),
     'slots', 'open slots from now on'),
    ('slots_open_next_7_days',
     (select count(*)::numeric from app.availability_slots as s
      where s.status = 'open' and s.starts_at >= v_now
        and s.starts_at < v_now + interval '7 days'),
     'slots', 'open slots within the next 7 days'),
    ('consultations_scheduled',
     (select count(*)::numeric from app.consultations as c
      where c.status = 'scheduled' and c.starts_at >= v_now),
     'consultations', 'scheduled consultations that have not begun'),
    ('consultations_overdue',
     (select count(*)::numeric from app.consultations as c
      where c.status = 'scheduled' and c.ends_at < v_now),
     'consultations', 'scheduled consultations whose time is over'),
    ('bookings_last_24_hours',
     (select count(*)::numeric from app.consultations as c
      where c.id >= app.first_id_since(v_now - interval '24 hours')),
     'consultations', 'consultations booked in the last 24 hours'),
    ('audit_rows_not_sealed',
     (select count(*)::numeric from app.audit_logs as l where l.id > v_sealed),
     'rows', 'rows of the audit log that are not sealed'),
    ('audit_oldest_not_sealed',
     (select round(extract(epoch from clock_timestamp() - min(l.occurred_at)))
      from app.audit_logs as l where l.id > v_sealed),
     'seconds', 'age of the oldest row of the audit log that is not sealed'),
    ('denials_last_24_hours',
     (select count(*)::numeric from app.access_logs as l
      where l.kind = 'denied' and l.occurred_at >= clock_timestamp() - interval '24 hours'),
     'refusals', 'refusals in the access log of the last 24 hours'),
    ('connections',
     (select count(*)::numeric from pg_stat_activity as a where a.datname = current_database()),
     'connections', 'connections to this database'),
    ('database_size', pg_database_size(current_database())::numeric,
     'bytes', 'size of this database on disk');
end;
$$;

comment on function ops.clinic_overview() is
'Returns figures of the clinic and its database, each with its unit and meaning. It counts through
indexes, except for slots, users and sessions.';

grant execute on function ops.clinic_overview() to telemed_dba;

commit;
