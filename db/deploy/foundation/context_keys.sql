-- Deploy telemed:foundation/context_keys to pg

begin;

create table app.context_keys (
    id text primary key,
    key bytea not null,
    created_at app.instant not null default clock_timestamp(),
    constraint context_keys_id_is_16_hexadecimal_digits_or_database
    check (id = 'database' or id ~ '^[0-9a-f]{16}$'),
    constraint context_keys_have_at_least_256_bits check (octet_length(key) between 32 and 1024)
);

comment on table app.context_keys is
'Keys of context signatures (app.contexts). The key `database` is created at deployment and never
leaves the database; the REST API has each of the others as its CONTEXT_KEY. Only functions of
telemed_internal can read them.';

alter table app.context_keys enable row level security;
alter table app.context_keys force row level security;
create policy context_keys_are_internal on app.context_keys to telemed_internal using (true);

set local role telemed_internal;
insert into app.context_keys (id, key) values ('database', extensions.gen_random_bytes(32));

commit;
