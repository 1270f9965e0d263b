-- Deploy telemed:identity/forget_log_in_attempt to pg

begin;

set local role telemed_internal;
create function app.forget_log_in_attempt(
    p_email text, p_address text, p_has_succeeded boolean default true
)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    -- Lock order: by subject, as in app.count_log_in_attempt.
    perform from app.log_in_attempts as a
    where a.subject in (
        select app.log_in_subject(l.kind, p_email, p_address) from app.log_in_limits as l)
    order by a.subject
    for no key update;

    -- What others have tried stays counted, but nobody waits for this attempt: except for other
    -- accounts at this address, or whoever has an account could guess at others by turns.
    update app.log_in_attempts as a
    set failures = case
            when l.kind = 'both' and p_has_succeeded then 0
            else greatest(a.failures - 1, 0)
        end,
        last_attempt_at = case
            when l.kind = 'address' then a.last_attempt_at
            else app.clock() - l.longest_delay_seconds * interval '1 second'
        end,
        succeeded_at = case when p_has_succeeded then app.clock() else a.succeeded_at end
    from app.log_in_limits as l
    where a.subject = app.log_in_subject(l.kind, p_email, p_address);
end;
$$;

comment on function app.forget_log_in_attempt(text, text, boolean) is
'Takes back what app.count_log_in_attempt has counted: the log-in has succeeded, or, with false for
p_has_succeeded, was right as far as it went.';

commit;
