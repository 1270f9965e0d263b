begin;
\ir ../helpers/actors.psql
\ir ../helpers/keys.psql
select plan(4);
reset role;

-- The test of each function tries it under a key: db/tests/helpers/keys.psql.
\set tried `grep -roE "pg_temp\.honours_key\('[a-z_]+'" db/tests --include='*.sql'`
select set_eq(
    format(
        $q$ select m.name[2] from regexp_matches(
            %L, '/([a-z_]+)\.sql:pg_temp\.honours_key\(''(\1)''', 'g') as m (name) $q$, :'tried'),
    $$
    select p.proname::text from pg_proc as p
    where p.pronamespace = 'api'::regnamespace and 'p_idempotency_key' = any (p.proargnames)
    $$,
    'every function that takes an idempotency key is tried under one in its own test');
-- db/contract.txt says of every volatile function of api whether it takes a key.

-- One request written in two ways
select pg_temp.booking('patient', pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00'))
    as completed \gset
select pg_temp.sign_in('doctor');
select status from api.complete_consultation(:'completed') \gset
select pg_temp.answer_under_key('issue_prescription', 'doctor', format($$
    %L, '[{"dosage": "1 g", "drug": "A", "duration_days": 1, "instructions": null}]', null $$,
    :'completed'), 'written') as written,
    pg_temp.answer_under_key('issue_prescription', 'doctor', format($$
    %L, '[{"drug": "A", "dosage": "1 g", "duration_days": 1}]', null $$,
    :'completed'), 'written') as rewritten \gset
select is(:'rewritten'::text, :'written',
    'issue_prescription: the order of fields and nulls do not change the fingerprint');
select pg_temp.answer_under_key('publish_weekly_slots', 'doctor', $$
    '2027-05-03', '2027-05-09', '{1,3}', '09:00', '10:00', 30, null $$, 'written') as written,
    pg_temp.answer_under_key('publish_weekly_slots', 'doctor', $$
    '2027-05-03', '2027-05-09', '{3,1,1}', '09:00', '10:00', 30, null $$, 'written')
    as rewritten \gset
select is(:'rewritten'::text, :'written',
    'publish_weekly_slots: the order and repetition of weekdays do not change the fingerprint');

-- Time off that has ended since
select pg_temp.answer_under_key('take_time_off', 'doctor', $$
    '2027-06-01 08:00:00+00', '2027-06-01 12:00:00+00', null $$, 'june') \g /dev/null
select pg_temp.answer_under_key('publish_slot', 'doctor', $$
    '2027-06-01 09:00:00+00', '2027-06-01 10:00:00+00' $$, 'june') \g /dev/null
delete from app.time_off where starts_at = '2027-06-01 08:00:00+00';
select pg_temp.answer_under_key('publish_slot', 'doctor', $$
    '2027-06-01 09:00:00+00', '2027-06-01 10:00:00+00' $$, 'june') \g /dev/null
select is(count(*), 0::bigint, 'publish_slot: a retry of a refused request publishes no slot')
from app.availability_slots where starts_at = '2027-06-01 09:00:00+00';

select * from finish();
rollback;
