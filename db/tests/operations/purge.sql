begin;
\ir ../helpers/actors.psql
select plan(27);
reset role;
select pg_temp.set_clock('2027-06-01 08:00:00+00');

insert into app.idempotency_keys (
    user_id, operation, key, fingerprint, fingerprint_version, resource_id, response,
    refusal_code, refusal_message, created_at)
select
    pg_temp.id_of('patient'), v.operation, v.key, sha256(''), 1,
    case when v.refusal is null then gen_random_uuid() end,
    case when v.refusal is null then '{}'::jsonb end, v.refusal,
    case when v.refusal is not null then 'No' end,
    timestamptz '2027-06-01 08:00:00+00' - v.age
from (values
    ('publish_slot', 'old', null, interval '91 days'),
    ('publish_slot', 'recent', null, interval '89 days'),
    ('publish_slot', 'to the moment', null, interval '90 days'),
    ('publish_slot', 'new', null, interval '29 days'),
    ('book_consultation', 'old booking', null, interval '3 years'),
    ('reschedule_consultation', 'old reschedule', null, interval '3 years'),
    ('record_payment', 'old payment', null, interval '3 years'),
    ('refund_payment', 'old refund', null, interval '3 years'),
    ('book_consultation', 'old refusal', 'TM901', interval '91 days'),
    ('book_consultation', 'recent refusal', 'TM901', interval '31 days')
) as v (operation, key, refusal, age);
insert into app.sessions (id, user_id, created_at, expires_at, revoked_at)
values
('00000000-0000-7000-8000-000000000001', pg_temp.id_of('patient'), '2026-01-01', '2026-01-31', null),
('00000000-0000-7000-8000-000000000002', pg_temp.id_of('patient'), '2027-02-10', '2027-03-12', null),
('00000000-0000-7000-8000-000000000003', pg_temp.id_of('patient'), '2027-05-30', '2027-06-29',
    '2027-05-31'),
('00000000-0000-7000-8000-000000000004', pg_temp.id_of('patient'), '2027-02-01',
    '2027-03-03 08:00:00+00', null);
insert into app.refresh_tokens (token_hash, session_id, issued_at, spent_at)
values
(sha256('1'), '00000000-0000-7000-8000-000000000001', '2026-01-01', '2026-01-02'),
(sha256('2'), '00000000-0000-7000-8000-000000000001', '2026-01-02', null),
(sha256('3'), '00000000-0000-7000-8000-000000000002', '2027-02-10', null);
-- Statistics of an empty table with some pages let the planner evaluate the query of the chosen rows
-- once for each other row: with SKIP LOCKED and LIMIT it would choose other rows each time.
insert into app.log_in_attempts (subject, failures, last_attempt_at)
values (sha256('any'), 1, '2027-05-31 08:00:00+00');
delete from app.log_in_attempts;
analyze app.log_in_attempts;
insert into app.log_in_attempts (subject, failures, last_attempt_at, succeeded_at)
values
(sha256('failed yesterday'), 9, '2027-05-31 07:59:59+00', null),
(sha256('failed today'), 9, '2027-05-31 08:00:01+00', null),
(sha256('known'), 0, '2027-03-04 08:00:00+00', '2027-03-04 08:00:00+00'),
(sha256('known long ago'), 0, '2027-03-02 08:00:00+00', '2027-03-02 08:00:00+00');

insert into app.webhook_endpoints (id, url, secret)
values ('00000000-0000-7000-8000-000000000011', 'https://hooks.clinic.test', 'encrypted');
insert into app.webhook_deliveries
    (id, endpoint_id, event_id, event_type, body, status, attempt, next_attempt_at, settled_at)
values
('00000000-0000-7000-8000-000000000021', '00000000-0000-7000-8000-000000000011', 1,
    'account.created', '{"a": 1}', 'given_up', 2, null, '2027-03-02 08:00:00+00'),
('00000000-0000-7000-8000-000000000022', '00000000-0000-7000-8000-000000000011', 2,
    'account.created', '{"a": 1}', 'delivered', 1, null, '2027-03-04 08:00:00+00'),
('00000000-0000-7000-8000-000000000023', '00000000-0000-7000-8000-000000000011', 3,
    'account.created', '{"a": 1}', 'pending', 0, '2027-01-01 08:00:00+00', null);
insert into app.webhook_attempts (endpoint_id, delivery_id, attempt, attempted_at, status_code)
select d.endpoint_id, d.id, n, '2027-03-01 08:00:00+00', 200
from app.webhook_deliveries as d
cross join lateral generate_series(1, d.attempt) as n;

-- Messages and tokens: of March 2, which is more than 90 days ago, and of March 4
set local session_replication_role = replica;
delete from app.messages;
delete from app.email_verifications;
insert into app.email_verifications (id, user_id, email, token_hash, requested_at, expires_at, used_at)
select v.id::uuid, pg_temp.id_of('patient'), v.email, sha256(v.id::bytea), v.expires_at - interval '1 day',
    v.expires_at, v.used_at
from (values
    ('00000000-0000-7000-8000-000000000031', 'patient@clinic.test',
     timestamptz '2027-03-02 08:00:00+00', timestamptz '2027-03-01 09:00:00+00'),
    ('00000000-0000-7000-8000-000000000032', 'former@clinic.test', '2027-03-02 08:00:00+00',
     '2027-03-01 10:00:00+00'),
    ('00000000-0000-7000-8000-000000000033', 'former@clinic.test', '2027-03-02 09:00:00+00', null),
    ('00000000-0000-7000-8000-000000000034', 'former@clinic.test', '2027-03-04 08:00:00+00', null))
    as v (id, email, expires_at, used_at);
update app.users set email_verified_at = '2027-03-01 09:00:00+00' where id = pg_temp.id_of('patient');
insert into app.password_resets (id, user_id, token_hash, requested_at, expires_at)
select v.id::uuid, pg_temp.id_of('patient'), sha256(v.id::bytea), v.expires_at - interval '1 hour',
    v.expires_at
from (values
    ('00000000-0000-7000-8000-000000000041', timestamptz '2027-03-02 08:00:00+00'),
    ('00000000-0000-7000-8000-000000000042', '2027-03-04 08:00:00+00')) as v (id, expires_at);
insert into app.messages (
    id, event_id, user_id, kind, channel, password_reset_id, created_at, send_at, status,
    settled_at, reason)
select v.id::uuid, v.n, pg_temp.id_of('patient'), v.kind, 'email', v.reset::uuid,
    timestamptz '2027-03-01 08:00:00+00', timestamptz '2027-03-01 08:00:00+00', v.status,
    v.settled_at, case v.status when 'failed' then 'refused' end
from (values
    ('00000000-0000-7000-8000-000000000051', 1, 'new_device', null, 'sent',
     timestamptz '2027-03-02 08:00:00+00'),
    ('00000000-0000-7000-8000-000000000052', 2, 'password_reset',
     '00000000-0000-7000-8000-000000000041', 'failed', '2027-03-02 08:00:00+00'),
    ('00000000-0000-7000-8000-000000000053', 3, 'new_device', null, 'sent',
     '2027-03-04 08:00:00+00'),
    ('00000000-0000-7000-8000-000000000054', 4, 'new_device', null, 'pending', null))
    as v (id, n, kind, reset, status, settled_at);
insert into app.message_tokens (token_hash, message_id, issued_at)
select sha256(n::text::bytea), '00000000-0000-7000-8000-000000000052', '2027-03-01 08:00:00+00'
from generate_series(1, 3) as n;
set local session_replication_role = origin;

create function pg_temp.ends()
returns text language sql
as $$
    select string_agg(right(r.id::text, 2), ' ' order by r.id)
    from (
        select id from app.messages union all select id from app.password_resets
        union all select id from app.email_verifications) as r
$$;

create function pg_temp.keys()
returns text[] language sql security definer
as $$ select array_agg(k.key::text order by k.key collate "C") from app.idempotency_keys as k
      where k.user_id = pg_temp.id_of('patient') $$;

-- Refused arguments, and rows that nothing may delete
set local role telemed_dba;
select throws_ok('select ops.purge(' || v.arguments || ')', 'TM201', null, v.sentence)
from (values
    ($$ '29 days' $$,
     'purge: a p_keep below 30 days is refused'), ('null', 'purge: a null p_keep is refused'),
    ('p_rows => 0', 'purge: 0 rows are refused'),
    ('p_rows => 1000001', 'purge: more than 1,000,000 rows are refused'),
    ('p_rows => null', 'purge: a null number of rows is refused')) as v (arguments, sentence);
reset role;
select throws_ok(
    format('delete from app.idempotency_keys where key = %L', v.key), 'TM912', null, v.sentence)
from (values
    ('new', 'idempotency_keys: a key younger than 30 days cannot be deleted'),
    ('old booking',
     'idempotency_keys: an old key of a booking cannot be '
     'deleted'),
     ('old reschedule', 'idempotency_keys: an old key of a reschedule cannot be deleted'),
    ('old payment',
     'idempotency_keys: an old key of a payment cannot be '
     'deleted'), ('old refund', 'idempotency_keys: an old key of a refund cannot be deleted'))
    as v (key, sentence);
select throws_ok(
    $$ update app.idempotency_keys set refusal_message = 'Yes' where key = 'old refusal' $$,
    'TM912', null, 'idempotency_keys: an old key cannot be updated');

-- One row of each table at a time
set local role telemed_dba;
select results_eq(
    'select table_name, rows from ops.purge(p_rows => 1)',
    $$ values ('idempotency_keys', 1::bigint), ('refresh_tokens', 2), ('sessions', 1),
           ('log_in_attempts', 1), ('webhook_attempts', 2), ('webhook_deliveries', 1),
           ('message_tokens', 0), ('messages', 1), ('password_resets', 0),
           ('email_verifications', 1) $$,
    'purge: a call deletes at most p_rows of each kind and returns how many');
select results_eq(
    'select table_name, rows from ops.purge()',
    $$ values ('idempotency_keys', 1::bigint), ('refresh_tokens', 0), ('sessions', 0),
           ('log_in_attempts', 1), ('webhook_attempts', 0), ('webhook_deliveries', 0),
           ('message_tokens', 3), ('messages', 1), ('password_resets', 1),
           ('email_verifications', 1) $$,
    'purge: the next call deletes the other rows');
select results_eq(
    'select sum(rows) from ops.purge()', array[0::numeric],
    'purge: a call after the last row deletes nothing');
select is(
    pg_temp.keys(),
    '{new,"old booking","old payment","old refund","old reschedule",recent,"recent refusal",'
    '"to the moment"}',
    'purge: keys of bookings, reschedules and money are never deleted, others after 90 days');
reset role;
select results_eq(
    $$ select right(s.id::text, 1) from app.sessions as s where s.id::text like '00000000-%'
       order by 1 $$,
    array['2', '3', '4'], 'purge: sessions are kept for 90 days after their end');
select results_eq(
    'select a.failures from app.log_in_attempts as a order by a.last_attempt_at', array[0, 9],
    'purge: counts of failed log-ins are deleted after a day, known subjects after 90 days');
select is(pg_temp.ends(), '31 34 42 53 54',
    'purge: messages and tokens are kept for 90 days after their end');
set local role telemed_dba;
select results_eq(
    $$ select table_name, rows from ops.purge('30 days') where rows > 0 order by 1 $$,
    $$ values ('email_verifications', 1::bigint), ('idempotency_keys', 3), ('log_in_attempts', 1),
           ('messages', 1), ('password_resets', 1), ('refresh_tokens', 1), ('sessions', 2),
           ('webhook_attempts', 1), ('webhook_deliveries', 1) $$,
    'purge: a shorter p_keep deletes more rows');
select is(
    pg_temp.keys(), '{new,"old booking","old payment","old refund","old reschedule"}',
    'purge: a key younger than 30 days is kept');
reset role;
select is(pg_temp.ends(), '31 54',
    'purge: a message that is not settled, and the verification of the present address, are kept');
select results_eq(
    'select d.event_id from app.webhook_deliveries as d', array[3::bigint],
    'purge: a delivery that is not settled is kept');
select is(
    (select count(*) from app.audit_logs as l
     where l.table_name = 'sessions' and l.operation = 'DELETE' and l.row_id like '00000000-%'),
    3::bigint, 'purge: the audit log has each deleted session');
select is_empty(
    $$
    select * from ops.check_invariants()
    where violations > 0 and name not like 'every_key_has%'
    $$,
    'purge: no invariant is violated afterwards');

set local role telemed_auditor;
select throws_ok('select ops.purge()', '42501', null, 'purge: an auditor cannot call it');
set local role telemed_api;
select throws_ok('select ops.purge()', '42501', null, 'purge: the REST API cannot call it');
reset role;
select has_index('app', 'sessions', 'sessions_by_end',
    'purge: the index sessions_by_end finds the ended sessions');

select * from finish();
rollback;
