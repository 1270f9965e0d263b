-- Deploy telemed:identity/recovery_codes to pg

begin;

create table app.recovery_codes (
    id uuid primary key default app.uuid_v7(),
    user_id uuid not null references app.users,
    code_hash bytea not null,
    issued_at app.instant not null default app.clock(),
    spent_at app.instant,
    constraint recovery_codes_are_stored_as_sha256 check (octet_length(code_hash) = 32),
    constraint recovery_codes_of_a_user_differ unique (user_id, code_hash)
);

comment on table app.recovery_codes is
'Recovery codes, each of which replaces a lost second factor once (NIST SP 800-63B, section 3.1.2).
Only the SHA-256 of a code is stored: 120 random bits need no salt.';
comment on column app.recovery_codes.spent_at is
'When the code was used or replaced, or its second factor was removed.';

create trigger recovery_codes_are_audited
after insert or update or delete on app.recovery_codes
for each row execute function app.record_change('id', 'code_hash');

create trigger recovery_codes_are_never_deleted
before delete on app.recovery_codes
for each row execute function app.rows_are_append_only();

create trigger recovery_codes_are_never_truncated
before truncate on app.recovery_codes
for each statement execute function app.rows_are_append_only();

create function app.recovery_codes_are_spent_once()
returns trigger
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    if old.spent_at is not null or new.spent_at is null
        or (new.id, new.user_id, new.code_hash, new.issued_at)
            is distinct from (old.id, old.user_id, old.code_hash, old.issued_at) then
        raise exception 'A recovery code changes once, when it is spent' using errcode = 'TM912';
    end if;
    return new;
end;
$$;

comment on function app.recovery_codes_are_spent_once() is
'Trigger: a recovery code changes only once, when it is spent. Raises TM912.';

create trigger recovery_codes_are_spent_once
before update on app.recovery_codes
for each row execute function app.recovery_codes_are_spent_once();

set local role telemed_internal;
create function app.second_factors_take_along_what_rests_on_them()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    update app.recovery_codes
    set spent_at = app.clock()
    where user_id = new.id and spent_at is null;
    update app.sessions
    set second_factor_at = null
    where user_id = new.id and second_factor_at is not null;
    return null;
end;
$$;

comment on function app.second_factors_take_along_what_rests_on_them() is
'Trigger: the removal of a second factor spends its recovery codes, and no session counts as begun
with it any more.';
reset role;

create trigger second_factors_take_along_what_rests_on_them
after update of mfa_confirmed_at on app.users
for each row
when (old.mfa_confirmed_at is not null and new.mfa_confirmed_at is null)
execute function app.second_factors_take_along_what_rests_on_them();

alter table app.recovery_codes enable row level security;
alter table app.recovery_codes force row level security;
create policy recovery_codes_are_all_there_for_internal_functions
on app.recovery_codes to telemed_internal using (true);

commit;
