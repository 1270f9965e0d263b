begin;
\ir ../helpers/actors.psql
select plan(37);
select pg_temp.sign_in('nobody', p_request_id => 'forgotten');

-- The permitted path
select * from api.request_password_reset('PATIENT@Clinic.test') \gset
select collect_tap(
    is(:'email'::text, 'patient@clinic.test',
        'request_password_reset: the answer has the e-mail address as it is in the account'),
    matches(:'token'::text, '^[A-Za-z0-9_-]{43}$',
        'request_password_reset: the answer has a token of 256 bits'));
select is(
    current_setting('app.user_id') || current_setting('app.role'), '',
    'request_password_reset: the call leaves the transaction without an actor');
reset role;
select collect_tap(
    is(r.token_hash, sha256(convert_to(:'token', 'UTF8')),
        'request_password_reset: the token is stored as its hash alone'),
    is(r.expires_at::timestamptz, '2027-01-04 08:30:00+00',
        'request_password_reset: the token is valid for 30 minutes'),
    is(r.used_at::timestamptz, null, 'request_password_reset: the new password reset is unused'),
    is(r.revoked_at::timestamptz, null,
        'request_password_reset: the new password reset is not revoked'))
from app.password_resets as r where r.user_id = pg_temp.id_of('patient');
select collect_tap(
    is(l.operation, 'INSERT', 'request_password_reset: the audit log has the new password reset'),
    is(l.new ->> 'user_id', pg_temp.id_of('patient')::text,
        'request_password_reset: the audit log has the user of the password reset'),
    is(l.user_id, null, 'request_password_reset: the audit log names no actor'),
    is(l.request_id::text, 'forgotten', 'request_password_reset: the audit log names the request'))
from app.audit_logs as l where l.table_name = 'password_resets';
select is_empty(
    format($$ select id from app.audit_logs
    where position(%L in concat(old, new)) > 0 or position(%L in concat(old, new)) > 0 $$,
        :'token', encode(sha256(convert_to(:'token', 'UTF8')), 'hex')),
    'request_password_reset: the audit log holds neither the token nor its hash');
set local role telemed_api;

-- A second request
select token as second from api.request_password_reset('patient@clinic.test') \gset
select isnt(:'second'::text, :'token',
    'request_password_reset: a second request gets another token');
reset role;
select is(count(*), 2::bigint,
    'request_password_reset: a second request leaves the first token in force')
from app.password_resets as r
where r.user_id = pg_temp.id_of('patient') and r.revoked_at is null;

-- The limit of one address: five in an hour, then one every five minutes
create function pg_temp.granted(p_n integer, p_address text, p_now timestamptz)
returns bigint language plpgsql security definer
as $$
declare
    v_granted bigint := 0;
begin
    perform pg_temp.set_clock(p_now);
    for n in 1 .. p_n loop
        v_granted := v_granted
            + (select count(*) from api.request_password_reset('patient@clinic.test', p_address));
    end loop;
    return v_granted;
end;
$$;
select is(pg_temp.granted(5, null, '2027-01-04 08:00+00'), 3::bigint,
    'request_password_reset: one address gets five tokens of an account within an hour');
select is(
    pg_temp.granted(v.n, v.address, v.now::timestamptz), v.granted::bigint, v.sentence)
from (values
    (2, '192.0.2.1', '2027-01-04 08:00:01+00', 2,
     'request_password_reset: another address gets tokens of the account as well'),
    (3, null, '2027-01-04 08:04:59+00', 0,
     'request_password_reset: the sixth request of an address within an hour gets no token'),
    (3, null, '2027-01-04 08:05:00+00', 1,
     'request_password_reset: five minutes after the last token the address gets one more'),
    (3, null, '2027-01-04 08:10:00+00', 1,
     'request_password_reset: five minutes after that the address gets one more again'),
    (1, null, '2027-01-04 09:00:01+00', 1,
     'request_password_reset: tokens of more than an hour ago no longer count'))
    as v (n, address, now, granted, sentence);
-- The limit of all addresses together: twenty in an hour, then one every five minutes
select is(
    (select sum(pg_temp.granted(1, '198.51.100.' || n, '2027-01-04 12:00+00'))
     from generate_series(1, 30) as n), 20::numeric,
     'request_password_reset: thirty addresses together get twenty tokens of one account');
insert into app.log_in_attempts (subject, last_attempt_at, succeeded_at)
select app.log_in_subject('both', 'patient@clinic.test', '203.0.113.7'), v.at, v.at
from (values ('2026-12-20'::timestamptz)) as v (at);
select is(
    pg_temp.granted(v.n, v.address, v.now::timestamptz), v.granted::bigint, v.sentence)
from (values
    (1, '198.51.100.99', '2027-01-04 12:04:59+00', 0,
     'request_password_reset: the next unknown address gets no token'),
    (1, '203.0.113.7', '2027-01-04 12:04:59+00', 1,
     'request_password_reset: an address that has logged in to the account gets a token'),
    (1, '198.51.100.99', '2027-01-04 12:09:59+00', 1,
     'request_password_reset: five minutes after the last token an unknown address gets one again'),
    (1, '203.0.113.7', '2027-01-20 12:00:00+00', 1,
     'request_password_reset: two weeks later the limits have no effect any more'))
    as v (n, address, now, granted, sentence);
select pg_temp.set_clock('2027-01-04 08:00:00+00');
set local role telemed_api;
select is(
    (select count(*) from api.request_password_reset('other_patient@clinic.test')), 1::bigint,
    'request_password_reset: each account has limits of its own');

-- Addresses without an account
reset role;
select count(*) as resets from app.password_resets \gset
update app.users set deactivated_at = app.clock() where id = pg_temp.id_of('doctor');
select count(*) as traces from app.audit_logs \gset
set local role telemed_api;
select is_empty(
    format('select token from api.request_password_reset(%L)', v.email), v.sentence)
from (values
    ('unknown@clinic.test', 'request_password_reset: an unknown e-mail address gets no token'),
    ('doctor@clinic.test', 'request_password_reset: a deactivated account gets no token'),
    ('%@clinic.test',
     'request_password_reset: a percent sign in the e-mail address is not a pattern'),
    ('', 'request_password_reset: an empty e-mail address gets no token'),
    (null, 'request_password_reset: a null e-mail address gets no token')) as v (email, sentence);
reset role;
select collect_tap(
    is((select count(*) from app.password_resets), :'resets',
        'request_password_reset: a request without a token stores no password reset'),
    is((select count(*) from app.audit_logs), :'traces',
        'request_password_reset: a request without a token leaves no row in the audit log'));

-- A request for an unknown address writes to the disk as well
select pg_current_wal_insert_lsn() as before \gset
set local role telemed_api;
select is_empty(
    $$ select token from api.request_password_reset('unknown@clinic.test') $$,
    'request_password_reset: an unknown e-mail address gets no token the second time either');
reset role;
select cmp_ok(
    pg_current_wal_insert_lsn(), '>', :'before'::pg_lsn,
    'request_password_reset: a request without a token writes to the disk as well');

-- Without a context signature
set local role telemed_api;
set local app.proof = '';
select throws_ok(
    $$ select api.request_password_reset('patient@clinic.test') $$, 'TM101', null,
    'request_password_reset: a call without a context signature is refused');
reset role;
set local role telemed_auditor;
select throws_ok(
    $$ select api.request_password_reset('patient@clinic.test') $$, '42501', null,
    'request_password_reset: an auditor cannot call it');

select * from finish();
rollback;
