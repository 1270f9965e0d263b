-- Deploy telemed:operations/invariant_findings to pg

begin;

create table app.invariant_findings (
    name app.line primary key,
    violations bigint not null,
    examples text[] not null,
    made_from_at app.instant not null,
    found_at app.instant not null default app.clock(),
    checked_at app.instant not null default app.clock(),
    constraint invariant_findings_have_violations check (violations > 0)
);

comment on table app.invariant_findings is
'Invariants that were violated at the latest check of the rows that violate them. No row is left
when all are repaired and checked. Examples are ids of rows.';
comment on column app.invariant_findings.made_from_at is
'The check looked at the rows made since then. A later check that finds no violation removes the
finding only if it has looked at these rows, too.';

set local role telemed_internal;
create function app.note_findings(p_since timestamptz, p_report api.invariants[])
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    -- No row is older: app.instant.
    v_since timestamptz := greatest(p_since, '1900-01-01 00:00:00+00');
begin
    -- A standby and a read-only transaction can check, but not write.
    if current_setting('transaction_read_only')::boolean then
        return;
    end if;

    delete from app.invariant_findings as f
    where f.made_from_at >= v_since
      and not exists (
          select from unnest(p_report) as r where r.name = f.name and r.violations > 0);

    insert into app.invariant_findings as f (name, violations, examples, made_from_at)
    select r.name, r.violations, r.examples, v_since
    from unnest(p_report) as r
    where r.violations > 0
    order by r.name
    on conflict (name) do update
    set violations = case
            when excluded.made_from_at <= f.made_from_at then excluded.violations
            else greatest(f.violations, excluded.violations)
        end,
        examples = case
            when excluded.made_from_at <= f.made_from_at or excluded.violations > f.violations
                then excluded.examples
            else f.examples
        end,
        made_from_at = least(f.made_from_at, excluded.made_from_at),
        checked_at = excluded.checked_at;
end;
$$;

comment on function app.note_findings(timestamptz, api.invariants[]) is
'Keeps what a check of the invariants has found in app.invariant_findings. p_since: the check has
looked at the rows made since then; null: at all rows. A transaction that is read-only keeps
nothing.';
reset role;

commit;
