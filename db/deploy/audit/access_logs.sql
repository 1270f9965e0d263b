-- Deploy telemed:audit/access_logs to pg

begin;

create table app.access_logs (
    id bigint generated always as identity,
    occurred_at app.instant not null default clock_timestamp(),
    kind text not null,
    operation app.code not null,
    resource_ids uuid[],
    code text,
    user_id uuid default nullif(current_setting('app.verified_user_id', true), '')::uuid,
    role app.code default nullif(current_setting('app.verified_role', true), ''),
    database_login name not null default session_user,
    request_id app.line default nullif(current_setting('app.request_id', true), ''),
    constraint access_logs_kind_is_known check (kind in ('act_as', 'denied', 'read')),
    constraint access_logs_code_is_an_sqlstate check (code ~ '^[0-9A-Z]{5}$'),
    constraint access_logs_have_a_code_exactly_when_denied
    check ((code is not null) = (kind = 'denied')),
    constraint access_logs_pkey primary key (id, occurred_at)
) partition by range (occurred_at);

comment on table app.access_logs is
'The access log: one row for each access that changes nothing and is therefore not in the audit log.
kind: read (somebody read data of another user, or a user read their part of the access log or
exported their data), denied (a caller or a log-in was refused) or act_as (a DBA began to act as a
user).';
comment on column app.access_logs.operation is
'The name of the function of api or ops, without its schema.';
comment on column app.access_logs.resource_ids is
'The consultations and the users whose data was read, or the resource that was refused.';
comment on column app.access_logs.code is 'The SQLSTATE of the refusal.';

create index access_logs_by_user on app.access_logs (user_id, id);
-- Finds who has read the data of a user. Most rows have few ids, and are never changed.
create index access_logs_by_resource on app.access_logs using gin (resource_ids)
where kind = 'read';
-- Finds the few entries of ops.act_as among all entries of a user.
create index access_logs_of_acting on app.access_logs (user_id, request_id) where kind = 'act_as';
create index access_logs_by_time on app.access_logs using brin (occurred_at);

create trigger access_logs_are_append_only
before update or delete on app.access_logs
for each row execute function app.rows_are_append_only();

create trigger access_logs_are_never_truncated
before truncate on app.access_logs
for each statement execute function app.rows_are_append_only();

alter table app.access_logs enable row level security;
alter table app.access_logs force row level security;
create policy access_logs_are_all_there_for_internal_functions
on app.access_logs to telemed_internal using (true);

create policy access_logs_are_seen_by_admins
on app.access_logs for select to telemed_owner
using ((select current_setting('app.verified_role', true)) = 'admin');

-- Functions of the owner write entries, each in the name of its own caller.
create policy access_logs_are_written_by_everybody
on app.access_logs for insert to telemed_owner
with check (
    user_id = (select nullif(current_setting('app.verified_user_id', true), '')::uuid));

do $$
begin
    perform app.create_partition('access_logs');
    perform app.create_partition('access_logs', m::date)
    from generate_series(
        date_trunc('month', now() at time zone 'UTC'),
        now() at time zone 'UTC' + interval '3 months', '1 month') as m;
end;
$$;

create view api.access_logs as
select
    id,
    occurred_at::timestamptz as occurred_at,
    kind,
    operation::text as operation,
    resource_ids,
    code,
    user_id,
    role::text as role,
    database_login::text as database_login,
    request_id::text as request_id
from app.access_logs;

comment on view api.access_logs is
'An entry of the access log, as api.list_access_logs returns it.';

set local role telemed_internal;
create view ops.access_logs as
select
    id,
    occurred_at::timestamptz as occurred_at,
    kind,
    operation::text as operation,
    resource_ids,
    code,
    user_id,
    role::text as role,
    database_login::text as database_login,
    request_id::text as request_id
from app.access_logs;

comment on view ops.access_logs is 'The access log, for auditors and DBAs.';

grant select on ops.access_logs to telemed_auditor, telemed_dba;

commit;
