-- Deploy telemed:operations/check_audit to pg

begin;

create type api.audit_problems as (
    problem text, seal_id bigint, audit_id bigint, explanation text
);

comment on type api.audit_problems is
'A problem of the audit log, as ops.verify_audit finds it.';

create type api.audit_checks as (
    last_seal_id bigint,
    last_sealed_at timestamptz,
    last_sealed_id bigint,
    oldest_unsealed_at timestamptz,
    checked_seals bigint,
    checked_rows bigint,
    problem_count bigint,
    problems api.audit_problems[]
);

comment on type api.audit_checks is
'The state of the audit log. last_seal_id, last_sealed_at and last_sealed_id: the newest seal, its
time and the last row that it covers, null without a seal; oldest_unsealed_at: the time of the
oldest row that is not sealed, null if there is none; checked_seals: the newest seals of the chain
that were checked; checked_rows: the newest sealed rows that were compared with their seals;
problems: the first 20 of the problem_count problems among them.';

set local role telemed_internal;
create function app.audit_check(p_rows integer)
returns api.audit_checks
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    -- A seal takes a minute or more to come, so these are the seals of most of a day.
    v_seals constant integer := 1000;
    v_last app.audit_seals;
    v_after_id bigint;
    v_problems ops.audit_problems[];
    v_check api.audit_checks;
begin
    select s.* into v_last from app.audit_seals as s order by s.id desc limit 1;
    v_check.last_seal_id := v_last.id;
    v_check.last_sealed_at := v_last.sealed_at::timestamptz;
    v_check.last_sealed_id := v_last.last_id;
    select l.occurred_at::timestamptz into v_check.oldest_unsealed_at
    from app.audit_logs as l
    where l.id > coalesce(v_last.last_id, 0)
    order by l.id limit 1;

    -- Of several seals of one range, one for each month, all or none: the sum of a range counts.
    select count(*), coalesce(max(r.rows) filter (where r.rows <= p_rows), 0)::bigint,
        min(r.after_id) filter (where r.rows <= p_rows)
    into v_check.checked_seals, v_check.checked_rows, v_after_id
    from (
        select
            s.after_id,
            sum(case s.kind when 'rows' then s.row_count else 0 end)
                over (order by s.last_id desc, s.after_id desc) as rows
        from app.audit_seals as s
        where s.id > v_last.id - v_seals
    ) as r;

    v_problems := array(
        select p from app.audit_problems(
            p_after_id => coalesce(v_after_id, v_last.last_id, 0),
            p_last_id => coalesce(v_last.last_id, 0),
            p_after_seal_id => greatest(v_last.id - v_seals, 0)) as p
        where v_last.id is not null);
    v_check.problem_count := cardinality(v_problems)::bigint;
    v_check.problems := array(
        select row(p.problem, p.seal_id, p.audit_id, p.explanation)::api.audit_problems
        from unnest(v_problems[:20]) as p);
    return v_check;
end;
$$;

comment on function app.audit_check(integer) is
'What api.check_audit returns.';
reset role;

create function api.check_audit(p_rows integer default 10000)
returns api.audit_checks
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform app.require_role('admin');
    if p_rows is null or p_rows not between 0 and 50000 then
        raise exception 'Give 0 to 50,000 rows' using errcode = 'TM201', column = 'rows';
    end if;
    return app.audit_check(p_rows);
end;
$$;

comment on function api.check_audit(integer) is
'Checks the end of the audit log: the newest 1000 seals of the chain, and the rows of as many of the
newest seals as have at most p_rows rows together (0 to 50,000; 10,000 take about 0.3 seconds).
Older rows and exported seals are the work of ops.verify_audit. For admins. Raises TM101, TM102,
TM201, TM301, TM302.';

grant execute on function api.check_audit to telemed_api, telemed_dba;

commit;
