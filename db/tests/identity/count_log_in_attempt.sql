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

select is(pg_temp.attempt('a@clinic.test', '192.0.2.1', 5), 'counted', 'five log-ins may fail');
select is(pg_temp.attempt('a@clinic.test', '192.0.2.1'), 'TM801 1', 'the next one waits a second');
select is(pg_temp.attempt('A@Clinic.TEST', '192.0.2.1'), 'TM801 1', 'however the address is written');
select is(pg_temp.attempt('b@clinic.test', '192.0.2.1'), 'counted', 'another account does not wait');
select is(pg_temp.attempt('a@clinic.test', '192.0.2.2'), 'counted', 'nor does another address');
select pg_temp.set_clock('2027-01-04 08:00:01+00');
select is(pg_temp.attempt('a@clinic.test', '192.0.2.1'), 'counted', 'after a second it may be tried');
select is(pg_temp.attempt('a@clinic.test', '192.0.2.1'), 'TM801 2', 'then after two');
select pg_temp.set_clock('2027-01-04 08:00:03+00');
select is(pg_temp.attempt('a@clinic.test', '192.0.2.1'), 'counted', 'in turn');
select is(pg_temp.attempt('a@clinic.test', '192.0.2.1'), 'TM801 4', 'then after four');
update app.log_in_attempts set failures = 1000
where subject = app.log_in_subject('both', 'a@clinic.test', '192.0.2.1');
select is(pg_temp.attempt('a@clinic.test', '192.0.2.1'), 'TM801 900', 'never after more than a quarter of an hour');
select pg_temp.set_clock('2027-01-05 09:00:00+00');
select is(pg_temp.attempt('a@clinic.test', '192.0.2.1', 5), 'counted', 'a day later they are forgotten');

select is(
    app.remembered_failures(row('\x00', 40, v.at, null)::app.log_in_attempts, '2027-01-05 09:00:00+00'),
    v.failures, v.sentence)
from (values
    (timestamptz '2027-01-05 08:00:01+00', 40, 'for an hour everything is remembered'),
    (timestamptz '2027-01-05 08:00:00+00', 20, 'then half of it'),
    (timestamptz '2027-01-05 06:59:00+00', 10, 'then a quarter'),
    (timestamptz '2027-01-05 09:00:01+00', 40, 'clocks may differ'),
    (timestamptz '2020-01-05 09:00:00+00', 0, 'in the end nothing')) as v (at, failures, sentence);

-- Success
select app.forget_log_in_attempt('a@clinic.test', '192.0.2.1') \g /dev/null
select is(
    pg_temp.attempt('a@clinic.test', '192.0.2.1', 5), 'counted', 'who has logged in begins anew');

-- One account from everywhere
select is(
    (select string_agg(distinct pg_temp.attempt('v@clinic.test', '198.51.100.' || n), ' ')
     from generate_series(1, 20) as n),
    'counted', 'one account from twenty addresses');
select matches(
    pg_temp.attempt('v@clinic.test', '198.51.100.21'), '^TM801', 'the next address waits');
update app.log_in_attempts set failures = 1000
where subject = app.log_in_subject('account', 'v@clinic.test', null);
select is(
    pg_temp.attempt('v@clinic.test', '198.51.100.22'), 'TM801 60', 'for a minute at most');
update app.log_in_attempts set succeeded_at = app.clock() - interval '29 days', failures = 0
where subject = app.log_in_subject('both', 'v@clinic.test', '198.51.100.1');
select is(
    pg_temp.attempt('v@clinic.test', '198.51.100.1'), 'counted',
    'but not where the user has logged in before: nobody can lock them out');
update app.log_in_attempts set succeeded_at = app.clock() - interval '31 days'
where subject = app.log_in_subject('both', 'v@clinic.test', '198.51.100.1');
select is(
    pg_temp.attempt('v@clinic.test', '198.51.100.1'), 'TM801 60', 'within the last month');

-- One address for all accounts
update app.log_in_limits set free_attempts = 10 where kind = 'address';
select is(
    (select string_agg(distinct pg_temp.attempt(n || '@clinic.test', '203.0.113.1'), ' ')
     from generate_series(1, 10) as n),
    'counted', 'one address for ten accounts');
select is(
    pg_temp.attempt('another@clinic.test', '203.0.113.1'), 'TM801 1',
    'then it waits for whatever account');
select is(
    pg_temp.attempt('another@clinic.test', '203.0.113.2'), 'counted', 'and another one does not');

-- Without an address, as in psql
select is(pg_temp.attempt('p@clinic.test', null, 5), 'counted', 'an unknown address is one too');
select is(pg_temp.attempt('p@clinic.test', null), 'TM801 1', 'and waits');
select is(pg_temp.attempt(null, null), 'counted', 'no account is counted as well');

select * from finish();
rollback;
