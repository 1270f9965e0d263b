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
select is(pg_temp.failures('both'), '3 false', 'an attempt counts as failed');
select app.forget_log_in_attempt('a@clinic.test', '192.0.2.1') \g /dev/null
select is(pg_temp.failures('both'), '0 true', 'until it has succeeded');
select is(pg_temp.failures('account'), '2 true', 'what may have been others stays counted');
select is(pg_temp.failures('address'), '2 true', 'in both ways');
select app.count_log_in_attempt('a@clinic.test', '192.0.2.1') from generate_series(1, 2) \g /dev/null
select app.forget_log_in_attempt('a@clinic.test', '192.0.2.1', false) \g /dev/null
select is(pg_temp.failures('both'), '1 true', 'half a log-in takes back one attempt, and no more');
update app.log_in_attempts set failures = 1000
where subject = app.log_in_subject('address', null, '192.0.2.1');
select app.forget_log_in_attempt('a@clinic.test', '192.0.2.1') \g /dev/null
select throws_ok(
    $$ select app.count_log_in_attempt('b@clinic.test', '192.0.2.1') $$, 'TM801', null,
    'a log-in of one''s own gives no new guesses at the accounts of others');
select lives_ok(
    $$ select app.count_log_in_attempt('a@clinic.test', '192.0.2.1') $$,
    'but who has logged in from an address may do so again, however many failed there');
select lives_ok(
    $$ select app.forget_log_in_attempt('b@clinic.test', null) $$,
    'what was not counted need not be forgotten');

select * from finish();
rollback;
