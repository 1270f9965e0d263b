begin;
\ir ../helpers/actors.psql
select plan(28);
reset role;

create function pg_temp.attempt(p_email text, p_address text, p_times integer default 1)
returns text language plpgsql
as $$
declare
    v_code text;
    v_hint text;
begin
    for v_n in 1..p_times loop
        perform app.count_log_in_attempt(p_email, p_address);
    end loop;
    return 'counted';
exception when others then
    get stacked diagnostics v_code = returned_sqlstate, v_hint = pg_exception_hint;
    return concat_ws(' ', v_code, v_hint);
end;
$$;

select is(pg_temp.attempt('a@clinic.test', '192.0.2.1', 5), 'counted',
    'count_log_in_attempt: five attempts at an account from one address are counted');
select is(pg_temp.attempt('a@clinic.test', '192.0.2.1'), 'TM801 1',
    'count_log_in_attempt: after five failures the next attempt has to wait one second');
select is(pg_temp.attempt('A@Clinic.TEST', '192.0.2.1'), 'TM801 1',
    'count_log_in_attempt: the case of the e-mail address does not matter');
select is(pg_temp.attempt('b@clinic.test', '192.0.2.1'), 'counted',
    'count_log_in_attempt: another account at the same address does not have to wait');
select is(pg_temp.attempt('a@clinic.test', '192.0.2.2'), 'counted',
    'count_log_in_attempt: the same account at another address does not have to wait');
select pg_temp.set_clock('2027-01-04 08:00:01+00');
select is(pg_temp.attempt('a@clinic.test', '192.0.2.1'), 'counted',
    'count_log_in_attempt: after one second the next attempt is counted');
select is(pg_temp.attempt('a@clinic.test', '192.0.2.1'), 'TM801 2',
    'count_log_in_attempt: after six failures the next attempt has to wait two seconds');
select pg_temp.set_clock('2027-01-04 08:00:03+00');
select is(pg_temp.attempt('a@clinic.test', '192.0.2.1'), 'counted',
    'count_log_in_attempt: after two seconds the next attempt is counted');
select is(pg_temp.attempt('a@clinic.test', '192.0.2.1'), 'TM801 4',
    'count_log_in_attempt: after seven failures the next attempt has to wait four seconds');
update app.log_in_attempts set failures = 1000
where subject = app.log_in_subject('both', 'a@clinic.test', '192.0.2.1');
select is(pg_temp.attempt('a@clinic.test', '192.0.2.1'), 'TM801 900',
    'count_log_in_attempt: the wait is never longer than 15 minutes');
select pg_temp.set_clock('2027-01-05 09:00:00+00');
select is(pg_temp.attempt('a@clinic.test', '192.0.2.1', 5), 'counted',
    'count_log_in_attempt: a day later the failures no longer count');

select is(
    app.remembered_failures(row('\x00', 40, v.at, null)::app.log_in_attempts, '2027-01-05 09:00:00+00'),
    v.failures, v.sentence)
from (values
    (timestamptz '2027-01-05 08:00:01+00', 40,
     'remembered_failures: all failures count within the first hour'),
    (timestamptz '2027-01-05 08:00:00+00', 20,
     'remembered_failures: half of the failures count after one hour'),
    (timestamptz '2027-01-05 06:59:00+00', 10,
     'remembered_failures: a quarter of the failures count after two hours'),
    (timestamptz '2027-01-05 09:00:01+00', 40,
     'remembered_failures: all failures count if the last attempt lies in the future'),
    (timestamptz '2020-01-05 09:00:00+00', 0,
     'remembered_failures: no failure counts after years')) as v (at, failures, sentence);

-- After a successful log-in
select app.forget_log_in_attempt('a@clinic.test', '192.0.2.1') \g /dev/null
select is(
    pg_temp.attempt('a@clinic.test', '192.0.2.1', 5), 'counted',
    'count_log_in_attempt: after a successful log-in five more attempts are counted');

-- One account from many addresses
select is(
    (select string_agg(distinct pg_temp.attempt('v@clinic.test', '198.51.100.' || n), ' ')
     from generate_series(1, 20) as n),
    'counted', 'count_log_in_attempt: attempts at one account from twenty addresses are counted');
select matches(
    pg_temp.attempt('v@clinic.test', '198.51.100.21'), '^TM801',
    'count_log_in_attempt: an attempt at one account from a 21st address has to wait');
update app.log_in_attempts set failures = 1000
where subject = app.log_in_subject('account', 'v@clinic.test', null);
select is(
    pg_temp.attempt('v@clinic.test', '198.51.100.22'), 'TM801 60',
    'count_log_in_attempt: the wait of a new address for one account is at most one minute');
update app.log_in_attempts set succeeded_at = app.clock() - interval '29 days', failures = 0
where subject = app.log_in_subject('both', 'v@clinic.test', '198.51.100.1');
select is(
    pg_temp.attempt('v@clinic.test', '198.51.100.1'), 'counted',
    'count_log_in_attempt: an address that logged in 29 days ago does not have to wait');
update app.log_in_attempts set succeeded_at = app.clock() - interval '31 days'
where subject = app.log_in_subject('both', 'v@clinic.test', '198.51.100.1');
select is(
    pg_temp.attempt('v@clinic.test', '198.51.100.1'), 'TM801 60',
    'count_log_in_attempt: an address whose last log-in is 31 days ago has to wait');

-- Many accounts from one address
update app.log_in_limits set free_attempts = 10 where kind = 'address';
select is(
    (select string_agg(distinct pg_temp.attempt(n || '@clinic.test', '203.0.113.1'), ' ')
     from generate_series(1, 10) as n),
    'counted', 'count_log_in_attempt: attempts at ten accounts from one address are counted');
select is(
    pg_temp.attempt('another@clinic.test', '203.0.113.1'), 'TM801 1',
    'count_log_in_attempt: an attempt from one address at an eleventh account has to wait');
select is(
    pg_temp.attempt('another@clinic.test', '203.0.113.2'), 'counted',
    'count_log_in_attempt: an attempt at the same account from another address is counted');

-- Without an address, as in psql
select is(pg_temp.attempt('p@clinic.test', null, 5), 'counted',
    'count_log_in_attempt: five attempts without an address are counted');
select is(pg_temp.attempt('p@clinic.test', null), 'TM801 1',
    'count_log_in_attempt: the next attempt without an address has to wait');
select is(pg_temp.attempt(null, null), 'counted',
    'count_log_in_attempt: an attempt without an account is counted');

select * from finish();
rollback;
