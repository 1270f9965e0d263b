begin;
\ir ../helpers/actors.psql
select plan(20);
reset role;
-- Seal first what other tests have committed.
set local role telemed_dba;
select ops.seal_audit(10000000, '1 minute') \g /dev/null
select is_empty($$ select ops.seal_audit(p_wait => '1 minute') $$,
    'seal_audit: without new rows a call adds no seal');
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
    'seal_audit: a call seals at most p_rows rows, with one seal for each month');
reset role;
select results_eq(
    'select s.month from seal as s order by s.id',
    $$ select m::date from unnest(array[
        date_trunc('month', now() at time zone 'UTC'),
        date_trunc('month', now() at time zone 'UTC') + interval '1 month']) as m $$,
    'seal_audit: the seal of the earlier month comes first');
select is(s.rows_digest, encode(sha256(
        (select l.row_hash from app.audit_logs as l where l.id = :first)
        || (select l.row_hash from app.audit_logs as l where l.id = :third)), 'hex'),
    'seal_audit: a seal has the SHA-256 over the hashes of its rows')
from seal as s where s.id = :seals + 1;
select is(s.hash, encode(app.audit_seal_hash(a), 'hex'), 'seal_audit: a seal has its own hash')
from seal as s inner join app.audit_seals as a using (id) where s.id = :seals + 1;
set local role telemed_dba;
select results_eq(
    $$ select s.after_id, s.last_id, s.row_count from ops.seal_audit(p_wait => '1 minute') as s $$,
    format('values (%s::bigint, %s::bigint, 1::bigint)', :third, :fourth),
    'seal_audit: the next call begins after the last sealed row');
select is_empty($$ select ops.seal_audit(p_wait => '1 minute') $$,
    'seal_audit: a call adds no seal if every row is sealed');
select is_empty('select * from ops.verify_audit()',
    'verify_audit: a sealed audit log has no problems');

-- An id that the sequence gave and no row has
reset role;
select nextval('app.audit_logs_id_seq') \g /dev/null
select pg_temp.write(now()) as fifth \gset
set local role telemed_dba;
select results_eq(
    $$ select s.after_id, s.row_count from ops.seal_audit(p_wait => '1 minute') as s $$,
    format('values (%s::bigint, 1::bigint)', :fourth),
    'seal_audit: a range of ids includes ids that no row has');
select is_empty('select * from ops.verify_audit()',
    'verify_audit: an id that no row has is not a problem');

-- A transaction that is still writing
reset role;
create extension dblink;
select dblink_connect('writer', format(
    'host=%s port=%s dbname=%s user=%s', split_part(current_setting('unix_socket_directories'), ',', 1),
    current_setting('port'), current_database(), session_user)) \g /dev/null
select dblink_exec('writer', 'begin') \g /dev/null
select * from dblink('writer', 'select pg_current_xact_id()::text') as w (id text) \g /dev/null
select throws_ok(
    $$ select ops.seal_audit(p_wait => '0.1 seconds') $$, 'TM990', null,
    'seal_audit: a call is refused if a transaction that may still write lasts longer than p_wait');
select dblink_exec('writer', 'rollback') \g /dev/null
select lives_ok(
    $$ select ops.seal_audit(p_wait => '1 minute') $$,
    'seal_audit: a call succeeds after that transaction is over');
select dblink_disconnect('writer') \g /dev/null
set local role telemed_dba;

-- Refused arguments and roles without the right
select throws_ok('select ops.seal_audit(' || v.arguments || ')', 'TM201', null, v.sentence)
from (values
    ('0', 'seal_audit: 0 rows are refused'),
    ('10000001', 'seal_audit: more than 10,000,000 rows are refused'),
    ('null',
     'seal_audit: a null number of rows is '
     'refused'), ($$ p_wait => '-1 second' $$, 'seal_audit: a negative p_wait is refused'),
    ($$ p_wait => '61 minutes' $$, 'seal_audit: a p_wait of more than an hour is refused'),
    ('p_wait => null', 'seal_audit: a null p_wait is refused')) as v (arguments, sentence);
set local role telemed_auditor;
select throws_ok('select ops.seal_audit()', '42501', null, 'seal_audit: an auditor cannot call it');
set local role telemed_api;
select throws_ok('select ops.seal_audit()', '42501', null,
    'seal_audit: the REST API cannot call it');
reset role;

select * from finish();
rollback;
