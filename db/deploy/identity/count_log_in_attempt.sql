-- Deploy telemed:identity/count_log_in_attempt to pg

begin;

create function app.remembered_failures(p_attempts app.log_in_attempts, p_now timestamptz)
returns integer
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
    return floor(
        p_attempts.failures / 2 ^ least(
            30,
            floor(greatest(0, extract(epoch from p_now - p_attempts.last_attempt_at)) / 3600)))
        ::integer;
end;
$$;

comment on function app.remembered_failures(app.log_in_attempts, timestamptz) is
'The number of failures that still count: half of them are forgotten after each hour.';

set local role telemed_internal;
create function app.count_log_in_attempt(p_email text, p_address text)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := app.clock();
    v_is_known boolean;
    v_wait integer;
begin
    insert into app.log_in_attempts (subject)
    select app.log_in_subject(l.kind, p_email, p_address)
    from app.log_in_limits as l
    on conflict do nothing;

    -- Lock order: by subject. A concurrent attempt waits and is counted after this one, so that
    -- concurrent requests get no additional attempts.
    perform from app.log_in_attempts as a
    where a.subject in (
        select app.log_in_subject(l.kind, p_email, p_address) from app.log_in_limits as l)
    order by a.subject
    for no key update;

    -- An address that has logged in to the account does not have to wait for the failures of
    -- others, neither at this account nor at this address.
    v_is_known := exists (
        select from app.log_in_attempts as a
        where a.subject = app.log_in_subject('both', p_email, p_address)
          and a.succeeded_at > v_now - interval '30 days');
    select max(ceil(extract(epoch from
        a.last_attempt_at - v_now
        + least(
            l.longest_delay_seconds,
            2 ^ least(r.failures - l.free_attempts, 20)) * interval '1 second')))::integer
    into v_wait
    from app.log_in_limits as l
    inner join app.log_in_attempts as a
        on a.subject = app.log_in_subject(l.kind, p_email, p_address)
    cross join lateral app.remembered_failures(a, v_now) as r (failures)
    where r.failures >= l.free_attempts
      and not (l.kind in ('account', 'address') and v_is_known);
    if v_wait > 0 then
        raise exception 'Too many log-ins have failed: try again in % seconds', v_wait
            using errcode = 'TM801', hint = v_wait::text;
    end if;

    update app.log_in_attempts as a
    set failures = app.remembered_failures(a, v_now) + 1,
        last_attempt_at = v_now
    where a.subject in (
        select app.log_in_subject(l.kind, p_email, p_address) from app.log_in_limits as l);
end;
$$;

comment on function app.count_log_in_attempt(text, text) is
'Throttles log-ins with exponential back-off: counts an attempt as failed until
app.forget_log_in_attempt takes it back, or refuses it when too many have failed
(app.log_in_limits). A refused attempt is not counted, so that nobody can prolong the wait of
another caller. p_address: the address of the client, may be null. Half of the failures are
forgotten after each hour. Raises TM801; its hint has the seconds to wait.';

commit;
