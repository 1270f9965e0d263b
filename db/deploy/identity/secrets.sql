-- Deploy telemed:identity/secrets to pg

begin;

create table app.secrets (
    name app.code primary key,
    value bytea not null default extensions.gen_random_bytes(32),
    constraint secrets_have_at_least_256_bits check (octet_length(value) between 32 and 1024)
);

comment on table app.secrets is 'Random keys that never leave the database, made at deployment.';

insert into app.secrets (name) values ('invented_salt');

commit;
