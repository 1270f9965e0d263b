begin;
\ir ../helpers/actors.psql
select plan(8);
reset role;

create function pg_temp.failures(p_kind text)
returns text language sql
as $$
    select concat_ws(' ', a.failures, (a.succeeded_at is not null)::text)
    from app.log_in_attempts as a
    where a.subject = app.log_in_subject(p_kind, 'a@clinic.test', '192.0.2.1')
$$;
select app.count_log_in_attempt('a@clinic.test', '192.0.2.1') from generate_series(1, 3) \g /dev/null
select is(pg_temp.failures('both'), '3 false',
    'count_log_in_attempt: each attempt counts as a failure at first');
select app.forget_log_in_attempt('a@clinic.test', '192.0.2.1') \g /dev/null
select is(pg_temp.failures('both'), '0 true',
    'forget_log_in_attempt: a success deletes the failures of the account at the address');
select is(pg_temp.failures('account'), '2 true',
    'forget_log_in_attempt: a success takes back one failure of the account');
select is(pg_temp.failures('address'), '2 true',
    'forget_log_in_attempt: a success takes back one failure of the address');
select app.count_log_in_attempt('a@clinic.test', '192.0.2.1') from generate_series(1, 2) \g /dev/null
select app.forget_log_in_attempt('a@clinic.test', '192.0.2.1', false) \g /dev/null
select is(pg_temp.failures('both'), '1 true',
    'forget_log_in_attempt: a log-in that is right so far takes back one failure');
update app.log_in_attempts set failures = 1000
where subject = app.log_in_subject('address', null, '192.0.2.1');
select app.forget_log_in_attempt('a@clinic.test', '192.0.2.1') \g /dev/null
select throws_ok(
    $$ select app.count_log_in_attempt('b@clinic.test', '192.0.2.1') $$, 'TM801', null,
    'forget_log_in_attempt: a success does not let its address try other accounts');
select lives_ok(
    $$ select app.count_log_in_attempt('a@clinic.test', '192.0.2.1') $$,
    'forget_log_in_attempt: a known address may log in to its account, whatever else failed');
select lives_ok(
    $$ select app.forget_log_in_attempt('b@clinic.test', null) $$,
    'forget_log_in_attempt: an attempt that was not counted is ignored');

select * from finish();
rollback;
