begin;
\ir ../helpers/actors.psql
select plan(20);
reset role;
-- What other tests have committed is sealed first.
set local role telemed_dba;
select ops.seal_audit(10000000, '1 minute') \g /dev/null
select is_empty($$ select ops.seal_audit(p_wait => '1 minute') $$, 'nothing new, no new seal');
reset role;

create function pg_temp.write(p_at timestamptz)
returns bigint language sql
as $$
    insert into app.audit_logs (occurred_at, table_name, row_id, operation, new)
    values (p_at, 'charts', 'c-1', 'INSERT', '{}') returning id
$$;
select pg_temp.write(date_trunc('month', now(), 'UTC')) as first \gset
select pg_temp.write(date_trunc('month', now(), 'UTC') + interval '1 month') as second \gset
select pg_temp.write(date_trunc('month', now(), 'UTC') + interval '1 day') as third \gset
select pg_temp.write(date_trunc('month', now(), 'UTC') + interval '2 days') as fourth \gset
select coalesce(max(s.id), 0) as seals, coalesce(max(s.last_id), 0) as sealed
from app.audit_seals as s \gset

create temp table seal as select * from ops.seal_audit(3, '1 minute');
select results_eq(
    'select s.id, s.kind, s.after_id, s.last_id, s.row_count from seal as s order by s.id',
    format('values (%s::bigint, %L, %s::bigint, %s::bigint, 2::bigint), (%s, %L, %s, %s, 1)',
        :seals + 1, 'rows', :sealed, :third, :seals + 2, 'rows', :sealed, :third),
    'a call seals as many rows as it is asked to, one seal for each month');
reset role;
select results_eq(
    'select s.month from seal as s order by s.id',
    $$ select m::date from unnest(array[
        date_trunc('month', now() at time zone 'UTC'),
        date_trunc('month', now() at time zone 'UTC') + interval '1 month']) as m $$,
    'the earlier month first');
select is(s.rows_digest, encode(sha256(
        (select l.row_hash from app.audit_logs as l where l.id = :first)
        || (select l.row_hash from app.audit_logs as l where l.id = :third)), 'hex'),
    'a seal has the SHA-256 over the hashes of its rows')
from seal as s where s.id = :seals + 1;
select is(s.hash, encode(app.audit_seal_hash(a), 'hex'), 'and its own')
from seal as s inner join app.audit_seals as a using (id) where s.id = :seals + 1;
set local role telemed_dba;
select results_eq(
    $$ select s.after_id, s.last_id, s.row_count from ops.seal_audit(p_wait => '1 minute') as s $$,
    format('values (%s::bigint, %s::bigint, 1::bigint)', :third, :fourth),
    'the next call goes on where that one ended');
select is_empty($$ select ops.seal_audit(p_wait => '1 minute') $$, 'until everything is sealed');
select is_empty('select * from ops.verify_audit()', 'and all is well');

-- An id that was drawn in vain leaves a gap, not a hole
reset role;
select nextval('app.audit_logs_id_seq') \g /dev/null
select pg_temp.write(now()) as fifth \gset
set local role telemed_dba;
select results_eq(
    $$ select s.after_id, s.row_count from ops.seal_audit(p_wait => '1 minute') as s $$,
    format('values (%s::bigint, 1::bigint)', :fourth), 'ids that no row has are sealed with the rest');
select is_empty('select * from ops.verify_audit()', 'and nothing is missing');

-- Somebody else is writing
reset role;
create extension dblink;
select dblink_connect('writer', format(
    'host=%s port=%s dbname=%s user=%s', split_part(current_setting('unix_socket_directories'), ',', 1),
    current_setting('port'), current_database(), session_user)) \g /dev/null
select dblink_exec('writer', 'begin') \g /dev/null
select * from dblink('writer', 'select pg_current_xact_id()::text') as w (id text) \g /dev/null
select throws_ok(
    $$ select ops.seal_audit(p_wait => '0.1 seconds') $$, 'TM990', null,
    'a range into which somebody may still write is not sealed');
select dblink_exec('writer', 'rollback') \g /dev/null
select lives_ok(
    $$ select ops.seal_audit(p_wait => '1 minute') $$, 'until they have done');
select dblink_disconnect('writer') \g /dev/null
set local role telemed_dba;

-- What it refuses
select throws_ok('select ops.seal_audit(' || v.arguments || ')', 'TM201', null, v.sentence)
from (values
    ('0', 'no rows at all are refused'), ('10000001', 'too many for one call, too'),
    ('null', 'and how many is to be said'), ($$ p_wait => '-1 second' $$, 'nobody waits backwards'),
    ($$ p_wait => '61 minutes' $$, 'nor for more than an hour'),
    ('p_wait => null', 'nor for who knows how long')) as v (arguments, sentence);
set local role telemed_auditor;
select throws_ok('select ops.seal_audit()', '42501', null, 'an auditor seals nothing');
set local role telemed_api;
select throws_ok('select ops.seal_audit()', '42501', null, 'nor does the REST API');
reset role;

select * from finish();
rollback;
