-- Deploy telemed:identity/secrets to pg

begin;

create table app.secrets (
    name app.code primary key,
    value bytea not null default extensions.gen_random_bytes(32),
    constraint secrets_have_at_least_256_bits check (octet_length(value) between 32 and 1024)
);

comment on table app.secrets is
'Random secret keys, which are created at deployment and never leave the database.';

alter table app.secrets enable row level security;
alter table app.secrets force row level security;
create policy secrets_are_all_there_for_internal_functions
on app.secrets to telemed_internal using (true);

set local role telemed_internal;
insert into app.secrets (name) values ('invented_salt'), ('next_refresh_token');

commit;
