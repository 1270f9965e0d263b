-- Deploy telemed:audit/audit_seals to pg

begin;

create table app.audit_seals (
    id bigint primary key,
    kind text not null,
    month date not null,
    after_id bigint not null,
    last_id bigint not null,
    row_count bigint not null,
    rows_digest bytea not null,
    sealed_at app.instant not null,
    database_login name not null,
    previous_hash bytea not null,
    hash bytea not null,
    constraint audit_seals_are_numbered_from_1 check (id >= 1),
    constraint audit_seals_kind_is_rows_or_retirement check (kind in ('rows', 'retirement')),
    constraint audit_seals_month_is_its_first_day check (extract(day from month) = 1),
    constraint audit_seals_range_goes_upwards
    check (after_id >= 0 and (last_id > after_id) = (kind = 'rows') and last_id >= after_id),
    constraint audit_seals_row_count_is_not_negative check (row_count >= 0),
    constraint audit_seals_hashes_are_sha_256
    check (octet_length(rows_digest) = 32 and octet_length(previous_hash) = 32
           and octet_length(hash) = 32)
);

comment on table app.audit_seals is
'The chain of seals over the audit log. A seal of the kind rows covers a range of ids within a
month: ops.verify_audit finds each row that is added, changed or deleted in it afterwards. A seal of
the kind retirement records that ops.drop_partitions dropped the rows of a month.';
comment on column app.audit_seals.id is '1, 2, 3 ... without a gap.';
comment on column app.audit_seals.month is 'The first day of the month (UTC) of the rows.';
comment on column app.audit_seals.after_id is 'The range of ids begins after this id.';
comment on column app.audit_seals.last_id is 'The range of ids ends with this id.';
comment on column app.audit_seals.row_count is
'The number of rows of the month whose id is in the range; for a retirement, of all sealed rows of
the month.';
comment on column app.audit_seals.rows_digest is
'SHA-256 over the row hashes in the order of their ids; for a retirement, over the hashes of all
seals of the month.';
comment on column app.audit_seals.previous_hash is
'The hash of the seal before this one; 32 zero bytes in the first seal.';
comment on column app.audit_seals.hash is
'SHA-256 over all other columns, see app.audit_seal_hash.';

create index audit_seals_by_month on app.audit_seals (month, last_id);

create trigger audit_seals_are_append_only
before update or delete on app.audit_seals
for each row execute function app.rows_are_append_only();

create trigger audit_seals_are_never_truncated
before truncate on app.audit_seals
for each statement execute function app.rows_are_append_only();

alter table app.audit_seals enable row level security;
alter table app.audit_seals force row level security;
create policy audit_seals_are_internal on app.audit_seals to telemed_internal using (true);

create function app.audit_seal_hash(p_seal app.audit_seals)
returns bytea
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return sha256(convert_to(
        jsonb_build_array(
            p_seal.id,
            p_seal.kind,
            p_seal.month::text,
            p_seal.after_id,
            p_seal.last_id,
            p_seal.row_count,
            encode(p_seal.rows_digest, 'hex'),
            (extract(epoch from p_seal.sealed_at) * 1000000)::bigint,
            p_seal.database_login,
            encode(p_seal.previous_hash, 'hex'))::text,
        'UTF8'));
end;
$$;

comment on function app.audit_seal_hash(app.audit_seals) is
'Returns the SHA-256 over a seal: over the UTF-8 of a JSON array, as PostgreSQL prints jsonb, of id,
kind, month, after_id, last_id, row_count, rows_digest (hexadecimal), microseconds since 1970,
database_login and previous_hash (hexadecimal).';

set local role telemed_internal;
create view ops.audit_seals as
select
    id,
    kind,
    month,
    after_id,
    last_id,
    row_count,
    encode(rows_digest, 'hex') as rows_digest,
    sealed_at::timestamptz as sealed_at,
    database_login::text as database_login,
    encode(previous_hash, 'hex') as previous_hash,
    encode(hash, 'hex') as hash
from app.audit_seals;

comment on view ops.audit_seals is
'The seals of the audit log with their hashes in hexadecimal, for auditors and DBAs. Export them and
keep them elsewhere, so that ops.verify_audit can compare them later.';

grant select on ops.audit_seals to telemed_auditor, telemed_dba;

-- The callers hold an advisory lock, so that no two of them append at the same time: see
-- ops.seal_audit and app.retire_audit_rows.
create function app.append_audit_seal(
    p_kind text, p_month date, p_after_id bigint, p_last_id bigint, p_row_count bigint,
    p_rows_digest bytea
)
returns app.audit_seals
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set datestyle = 'ISO'
as $$
declare
    v_seal app.audit_seals;
    v_previous app.audit_seals;
begin
    select s.* into v_previous from app.audit_seals as s order by s.id desc limit 1;
    v_seal.id := coalesce(v_previous.id, 0) + 1;
    v_seal.kind := p_kind;
    v_seal.month := p_month;
    v_seal.after_id := p_after_id;
    v_seal.last_id := p_last_id;
    v_seal.row_count := p_row_count;
    v_seal.rows_digest := p_rows_digest;
    v_seal.sealed_at := clock_timestamp();
    v_seal.database_login := session_user;
    v_seal.previous_hash := coalesce(v_previous.hash, decode(repeat('00', 32), 'hex'));
    v_seal.hash := app.audit_seal_hash(v_seal);
    insert into app.audit_seals select v_seal.*;
    return v_seal;
end;
$$;

comment on function app.append_audit_seal(text, date, bigint, bigint, bigint, bytea) is
'Appends a seal to the chain and returns it. The caller holds the advisory lock app.audit_seals.';

commit;
