-- Deploy telemed:audit/audit_logs to pg

begin;

create table app.audit_logs (
    id bigint generated always as identity,
    occurred_at app.instant not null default clock_timestamp(),
    table_name name not null,
    row_id text not null,
    operation text not null,
    old jsonb,
    new jsonb,
    user_id uuid,
    role app.code,
    database_login name not null default session_user,
    request_id app.line,
    row_hash bytea not null,
    constraint audit_logs_operation_is_insert_update_or_delete
    check (operation in ('INSERT', 'UPDATE', 'DELETE')),
    constraint audit_logs_row_id_is_short check (char_length(row_id) between 1 and 200),
    constraint audit_logs_old_and_new_fit_the_operation
    check ((old is null) = (operation = 'INSERT') and (new is null) = (operation = 'DELETE')),
    constraint audit_logs_row_hash_is_a_sha_256 check (octet_length(row_hash) = 32),
    constraint audit_logs_pkey primary key (id, occurred_at)
) partition by range (occurred_at);

comment on table app.audit_logs is
'The audit log: one row for each change of a row, written by the trigger function app.record_change.
user_id has no foreign key, so that the record does not depend on the account.';
comment on column app.audit_logs.user_id is
'The account that the change was made for; null for a change without a verified caller.';
comment on column app.audit_logs.database_login is
'session_user: the database role that logged in.';
comment on column app.audit_logs.row_hash is
'SHA-256 over all other columns, see app.audit_row_hash.';

create index audit_logs_by_row on app.audit_logs (table_name, row_id, id);
create index audit_logs_by_user on app.audit_logs (user_id, id);
create index audit_logs_by_request on app.audit_logs (request_id) where request_id is not null;
create index audit_logs_by_time on app.audit_logs using brin (occurred_at);

create trigger audit_logs_are_append_only
before update or delete on app.audit_logs
for each row execute function app.rows_are_append_only();

create trigger audit_logs_are_never_truncated
before truncate on app.audit_logs
for each statement execute function app.rows_are_append_only();

alter table app.audit_logs enable row level security;
alter table app.audit_logs force row level security;
create policy audit_logs_are_all_there_for_internal_functions
on app.audit_logs to telemed_internal using (true);

create policy audit_logs_are_seen_by_admins
on app.audit_logs for select to telemed_owner
using (
    (select current_setting('app.verified_role', true)) = 'admin');

do $$
begin
    perform app.create_partition('audit_logs');
    perform app.create_partition('audit_logs', m::date)
    from generate_series(
        date_trunc('month', now() at time zone 'UTC'),
        now() at time zone 'UTC' + interval '3 months', '1 month') as m;
end;
$$;

create view api.audit_logs as
select
    id,
    occurred_at::timestamptz as occurred_at,
    table_name::text as table_name,
    row_id,
    operation,
    old,
    new,
    user_id,
    role::text as role,
    database_login::text as database_login,
    request_id::text as request_id
from app.audit_logs;

comment on view api.audit_logs is 'A row of the audit log, as api.list_audit_logs returns it.';

set local role telemed_internal;
create view ops.audit_logs as
select
    id,
    occurred_at::timestamptz as occurred_at,
    table_name::text as table_name,
    row_id,
    operation,
    old,
    new,
    user_id,
    role::text as role,
    database_login::text as database_login,
    request_id::text as request_id,
    encode(row_hash, 'hex') as row_hash
from app.audit_logs;

comment on view ops.audit_logs is 'The audit log, for auditors and DBAs.';

grant select on ops.audit_logs to telemed_auditor, telemed_dba;

commit;
