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

    -- The failures of others stay counted, but nobody has to wait for this attempt. Only the wait
    -- of the address stays: otherwise a user could alternate between log-ins to their own account
    -- and guesses at other accounts.
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
'Takes back what app.count_log_in_attempt has counted, because the log-in has succeeded or, with
p_has_succeeded = false, because it was right so far.';

commit;
