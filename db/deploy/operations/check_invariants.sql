-- Deploy telemed:operations/check_invariants to pg

begin;

create or replace function app.all_invariants(p_since timestamptz)
returns setof app.invariant
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return query
    select * from app.foundation_invariants(p_since)
    union all
    select * from app.audit_invariants(p_since)
    union all
    select * from app.identity_invariants(p_since)
    union all
    select * from app.scheduling_invariants(p_since)
    union all
    select * from app.consultations_invariants(p_since)
    union all
    select * from app.prescriptions_invariants(p_since)
    union all
    select * from app.payments_invariants(p_since)
    union all
    select * from app.idempotency_invariants(p_since)
    union all
    select * from app.analytics_invariants(p_since)
    union all
    select * from app.events_invariants(p_since)
    union all
    select * from app.webhooks_invariants(p_since);
end;
$$;

comment on function app.all_invariants(timestamptz) is
'The invariants of all domains. p_since: as in ops.check_invariants.';

create function app.invariants_report(p_since timestamptz)
returns setof api.invariants
language plpgsql stable
set search_path = pg_catalog, pg_temp
-- The queries read every partition of the logs once: JIT compiles for longer than they run.
set jit = off
as $$
begin
    return query
    select
        i.name,
        i.description,
        cardinality(i.violations)::bigint,
        (array(select v.id from unnest(i.violations) as v (id) order by v.id))[1:5]
    -- No row is older: app.instant.
    from app.all_invariants(
        case when p_since > '1900-01-01 00:00:00+00' then p_since end) as i
    order by i.name;
end;
$$;

comment on function app.invariants_report(timestamptz) is
'Every invariant with the number of its violations and up to five ids. p_since: as in
ops.check_invariants.';

create or replace function ops.check_invariants(p_since timestamptz default null)
returns setof api.invariants
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_report api.invariants[];
begin
    perform app.forget_actor();
    v_report := array(select r from app.invariants_report(p_since) as r);
    perform app.note_findings(p_since, v_report);
    return query select r.* from unnest(v_report) as r;
end;
$$;

comment on function ops.check_invariants(timestamptz) is
'Every invariant with the number of its violations and up to five ids. p_since: check only the rows
made since then; null: all rows. ops.advise shows what was found until a check of the same rows
finds it repaired. On a standby and in a read-only transaction only the report is made.';

grant execute on function ops.check_invariants(timestamptz) to telemed_dba;

create or replace function api.check_invariants(
    p_since timestamptz default now() - interval '1 day'
)
returns setof api.invariants
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform app.require_role('admin');
    return query select r.* from app.invariants_report(p_since) as r;
end;
$$;

comment on function api.check_invariants(timestamptz) is
'The report of ops.check_invariants for admins of the clinic, by default for rows made in the last
24 hours: all rows may take longer than a request may. Read-only. Raises TM101, TM102, TM301,
TM302.';

grant execute on function api.check_invariants(timestamptz) to telemed_api, telemed_dba;

commit;
