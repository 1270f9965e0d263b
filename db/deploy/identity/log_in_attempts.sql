-- Deploy telemed:identity/log_in_attempts to pg

begin;

create table app.log_in_limits (
    kind text primary key,
    free_attempts integer not null,
    longest_delay_seconds integer not null,
    constraint log_in_limits_kind_is_known check (kind in ('account', 'address', 'both')),
    constraint log_in_limits_are_above_zero
    check (free_attempts > 0 and longest_delay_seconds > 0)
);

comment on table app.log_in_limits is
'How many log-ins may fail before the next one has to wait, and the longest wait. The wait begins
with a second and doubles with each failure. both: one account from one address; address: one
address, at accounts to which it has not logged in within 30 days; account: one account, from
addresses that have not logged in to it within 30 days.';

insert into app.log_in_limits (kind, free_attempts, longest_delay_seconds)
values ('both', 5, 900), ('address', 300, 300), ('account', 20, 60);

create table app.log_in_attempts (
    subject bytea primary key,
    failures integer not null default 0,
    last_attempt_at app.instant not null default app.clock(),
    succeeded_at app.instant,
    constraint log_in_attempts_subject_is_a_sha256 check (octet_length(subject) = 32),
    constraint log_in_attempts_failures_are_counted check (failures >= 0)
);

comment on table app.log_in_attempts is
'Failures of log-ins, with each attempt counted as a failure until it succeeds. Attempts at unknown
accounts are counted as well, so that a wait does not reveal which accounts exist.';
comment on column app.log_in_attempts.subject is
'SHA-256 of the kind of limit and of the account, the address or both.';

create index log_in_attempts_by_time on app.log_in_attempts (last_attempt_at);

alter table app.log_in_attempts enable row level security;
alter table app.log_in_attempts force row level security;
create policy log_in_attempts_are_all_there_for_internal_functions
on app.log_in_attempts to telemed_internal using (true);

create function app.log_in_subject(p_kind text, p_email text, p_address text)
returns bytea
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
    return sha256(convert_to(
        concat_ws(
            '|',
            p_kind,
            case when p_kind <> 'account' then coalesce(p_address, '') end,
            case when p_kind <> 'address' then app.normal_email(coalesce(p_email, '')) end),
        'UTF8'));
end;
$$;

comment on function app.log_in_subject(text, text, text) is
'The subject under which the attempts of one kind are counted.';

commit;
