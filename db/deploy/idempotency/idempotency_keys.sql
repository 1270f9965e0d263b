-- Deploy telemed:idempotency/idempotency_keys to pg

begin;

create table app.idempotency_keys (
    user_id uuid not null references app.users,
    operation app.code not null,
    key app.idempotency_key not null,
    fingerprint bytea not null,
    fingerprint_version smallint not null,
    resource_id uuid,
    response jsonb,
    refusal_code text,
    refusal_message app.line,
    refusal_details jsonb,
    created_at app.instant not null default app.clock(),
    constraint idempotency_keys_are_used_once primary key (user_id, operation, key),
    constraint idempotency_keys_fingerprint_is_a_sha256 check (octet_length(fingerprint) = 32),
    constraint idempotency_keys_have_exactly_one_outcome
    check (
        (response is null) <> (refusal_code is null)
        and (refusal_code is null) = (refusal_message is null)
        and (refusal_details is null or refusal_code is not null)
        and (resource_id is null or response is not null)),
    constraint idempotency_keys_remember_conflicts_only check (refusal_code ~ '^TM9[0-8][0-9]$')
);

comment on table app.idempotency_keys is
'The outcome of each request with an Idempotency-Key: a resource or a refusal. A row is written in
the transaction of its request and never changed; ops.purge deletes old rows, but not those of
bookings, reschedules and money.';
comment on column app.idempotency_keys.fingerprint is
'SHA-256 of the normalised request. The same key with another fingerprint is refused.';
comment on column app.idempotency_keys.fingerprint_version is
'The version of the fingerprint''s form. Fingerprints of different versions are not compared.';
comment on column app.idempotency_keys.resource_id is
'The id of the row that was made or changed; null for a refusal and for weekly slots, which are
many rows.';
comment on column app.idempotency_keys.refusal_details is
'What a refusal says besides its code and message, see app.refuse; null if nothing.';
comment on column app.idempotency_keys.response is
'The answer, which a replay returns again; null for a refusal.';

create index idempotency_keys_by_time on app.idempotency_keys using brin (created_at);

create trigger idempotency_keys_are_append_only
before update on app.idempotency_keys
for each row execute function app.rows_are_append_only();

-- The key of a booking, a reschedule or money is kept as long as its rows: they are never deleted.
create trigger idempotency_keys_are_kept_while_they_count
before delete on app.idempotency_keys
for each row when (
    old.created_at > app.clock() - interval '30 days'
    or (old.response is not null
        and old.operation in (
            'book_consultation', 'reschedule_consultation', 'record_payment', 'refund_payment')))
execute function app.rows_are_append_only();

create trigger idempotency_keys_are_never_truncated
before truncate on app.idempotency_keys
for each statement execute function app.rows_are_append_only();

alter table app.idempotency_keys enable row level security;
alter table app.idempotency_keys force row level security;
create policy idempotency_keys_are_all_there_for_internal_functions
on app.idempotency_keys to telemed_internal using (true);

create policy idempotency_keys_are_seen_by_their_user
on app.idempotency_keys to telemed_owner
using (
    -- Without a sub-select, because a query reads one row.
    user_id = nullif(current_setting('app.verified_user_id', true), '')::uuid);

commit;
