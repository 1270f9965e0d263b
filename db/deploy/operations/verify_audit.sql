-- Deploy telemed:operations/verify_audit to pg

begin;

create type ops.audit_problems as (
    problem text,
    seal_id bigint,
    audit_id bigint,
    explanation text
);

comment on type ops.audit_problems is
'A problem of the audit log. problem: row_changed, row_not_sealed, rows_differ, seal_changed,
chain_broken, retirement_differs, exported_seal_missing or exported_seal_differs; seal_id and
audit_id: the seal or the row that it is about.';

set local role telemed_internal;
create function app.audit_problems(
    p_since date default null,
    p_after_id bigint default '-9223372036854775808',
    p_last_id bigint default '9223372036854775807',
    p_after_seal_id bigint default '-9223372036854775808'
)
returns setof ops.audit_problems
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set datestyle = 'ISO'
as $$
begin
    return query
    select 'row_changed', null::bigint, l.id, 'the stored hash is not the hash of the row'
    from app.audit_logs as l
    where l.occurred_at >= coalesce(p_since, '-infinity')
      and l.id > p_after_id
      and l.id <= p_last_id
      and l.row_hash <> app.audit_row_hash(l);

    return query
    select 'row_not_sealed', null::bigint, l.id, 'later rows are sealed, this row is not'
    from app.audit_logs as l
    where l.occurred_at >= coalesce(p_since, '-infinity')
      and l.id > p_after_id
      and l.id <= p_last_id
      and l.id <= (select max(m.last_id) from app.audit_seals as m)
      and l.id is distinct from (
        select greatest(l.id, s.after_id + 1)
        from app.audit_seals as s
        where s.month = date_trunc('month', l.occurred_at)::date
          and s.last_id >= l.id
          and s.kind = 'rows'
        order by s.last_id
        limit 1);

    return query
    select
        'rows_differ', s.id, null::bigint,
        format('%s rows were sealed, %s exist now%s', s.row_count, r.row_count,
            case when s.row_count = r.row_count then ', with other hashes' else '' end)
    from app.audit_seals as s
    cross join lateral (
        select
            count(*) as row_count,
            sha256(coalesce(string_agg(l.row_hash, '' order by l.id), '')) as rows_digest
        from app.audit_logs as l
        where l.id > s.after_id
          and l.id <= s.last_id
          and l.occurred_at >= s.month
          and l.occurred_at < s.month + interval '1 month'
    ) as r
    where s.kind = 'rows'
      and s.month >= coalesce(p_since, '-infinity')
      and s.after_id >= p_after_id
      and s.last_id <= p_last_id
      and case
        when exists (
            select from app.audit_seals as t where t.kind = 'retirement' and t.month = s.month)
            then r.row_count > 0
        else (r.row_count, r.rows_digest) <> (s.row_count, s.rows_digest)
      end;

    return query
    select 'seal_changed', s.id, null::bigint, 'the stored hash is not the hash of the seal'
    from app.audit_seals as s
    where s.id > p_after_seal_id and s.hash <> app.audit_seal_hash(s);

    return query
    select 'chain_broken', c.id, null::bigint, 'the seal does not follow the seal before it'
    from (
        select
            s.*,
            coalesce(lag(s.id) over chain, 0) as id_before,
            coalesce(lag(s.hash) over chain, decode(repeat('00', 32), 'hex')) as hash_before,
            coalesce(lag(s.after_id) over chain, 0) as after_id_before,
            coalesce(lag(s.last_id) over chain, 0) as last_id_before,
            coalesce(lag(s.month) over chain, '-infinity') as month_before
        from app.audit_seals as s
        where s.id >= p_after_seal_id
        window chain as (order by s.id)
    ) as c
    where c.id > p_after_seal_id
      and (c.id <> c.id_before + 1
           or c.previous_hash <> c.hash_before
           or (c.after_id <> c.last_id_before
               and (c.after_id, c.last_id) <> (c.after_id_before, c.last_id_before))
           or (c.after_id, c.last_id) = (c.after_id_before, c.last_id_before)
               and c.kind = 'rows' and c.month <= c.month_before);

    return query
    select 'retirement_differs', s.id, null::bigint,
        'the retirement does not match the seals of the month'
    from app.audit_seals as s
    cross join lateral (
        select
            coalesce(sum(t.row_count), 0) as row_count,
            sha256(coalesce(string_agg(t.hash, '' order by t.id), '')) as digest
        from app.audit_seals as t
        where t.month = s.month and t.kind = 'rows'
    ) as m
    where s.kind = 'retirement'
      and s.id > p_after_seal_id
      and (s.row_count, s.rows_digest) <> (m.row_count, m.digest);
end;
$$;

comment on function app.audit_problems(date, bigint, bigint, bigint) is
'What ops.verify_audit returns, without the comparison with exported seals. p_since: as there;
p_after_id and p_last_id: only rows with ids after the one and up to the other, and seals with such
rows only; p_after_seal_id: only the chain after this seal.';

create function ops.verify_audit(p_exported jsonb default null, p_since date default null)
returns setof ops.audit_problems
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform app.forget_actor();
    if jsonb_typeof(p_exported) <> 'array'
        or p_exported @? '$[*] ? (@.id.type() != "number" || @.hash.type() != "string")' then
        raise exception 'Give the exported seals as an array of rows of ops.audit_seals'
            using errcode = 'TM201', column = 'exported';
    end if;

    return query select p.* from app.audit_problems(p_since) as p;

    return query
    select
        case when s.id is null then 'exported_seal_missing' else 'exported_seal_differs' end,
        e.id, null::bigint,
        case when s.id is null then 'the audit log has lost its end, or this seal'
            else 'the seal differs from the exported one' end
    from jsonb_populate_recordset(null::ops.audit_seals, p_exported) as e
    left join ops.audit_seals as s on s.id = e.id
    where s.id is null or s <> e;
end;
$$;

comment on function ops.verify_audit(jsonb, date) is
'Returns one row for each problem of the audit log and its seals, and no row if there is none.
p_exported: seals that were exported earlier, as a JSON array of rows of ops.audit_seals; only with
them it finds that the end of the audit log was deleted together with its seals. p_since: the first
day of a month; rows before it are skipped, seals are not. It changes nothing and takes about 20
seconds for a million rows. Raises TM201.';

grant execute on function ops.verify_audit(jsonb, date) to telemed_dba, telemed_auditor;

commit;
