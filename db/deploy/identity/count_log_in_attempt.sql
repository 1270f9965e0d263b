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
'How many failures still count: half of them after each hour.';

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

    -- Lock order: by subject. Whoever comes at the same moment waits, and is counted after this
    -- one: not even many at once get more attempts.
    perform from app.log_in_attempts as a
    where a.subject in (
        select app.log_in_subject(l.kind, p_email, p_address) from app.log_in_limits as l)
    order by a.subject
    for no key update;

    -- An address that has logged in to the account is not kept out by what others try, there or
    -- elsewhere.
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
        raise exception 'Too many log-ins have failed. Try again in % seconds', v_wait
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
'Counts a log-in as failed until app.forget_log_in_attempt, or refuses it when too many have failed:
see app.log_in_limits. Attempts that are refused are not counted, so that nobody is kept out for
longer by somebody who goes on trying. p_address: the client''s address, may be null. Every hour
forgets half of them. Raises TM801; its hint has the seconds to wait.';

commit;
