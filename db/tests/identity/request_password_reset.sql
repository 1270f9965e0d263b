begin;
\ir ../helpers/actors.psql
select plan(37);
select pg_temp.sign_in('nobody', p_request_id => 'forgotten');

-- The permitted path
select * from api.request_password_reset('PATIENT@Clinic.test') \gset
select collect_tap(
    is(:'email'::text, 'patient@clinic.test',
        'who has forgotten the password gets a message at the address of the account'),
    matches(:'token'::text, '^[A-Za-z0-9_-]{43}$', 'with a token of 256 bits'));
select is(
    current_setting('app.user_id') || current_setting('app.role'), '',
    'who asks is still nobody');
reset role;
select collect_tap(
    is(r.token_hash, sha256(convert_to(:'token', 'UTF8')), 'only the hash of the token is stored'),
    is(r.expires_at::timestamptz, '2027-01-04 08:30:00+00', 'for 30 minutes'),
    is(r.used_at::timestamptz, null, 'it is not used'),
    is(r.revoked_at::timestamptz, null, 'and not revoked'))
from app.password_resets as r where r.user_id = pg_temp.id_of('patient');
select collect_tap(
    is(l.operation, 'INSERT', 'the request leaves a trace'),
    is(l.new ->> 'user_id', pg_temp.id_of('patient')::text, 'of whose password it is about'),
    is(l.user_id, null, 'though nobody is signed in'),
    is(l.request_id::text, 'forgotten', 'by which request'))
from app.audit_logs as l where l.table_name = 'password_resets';
select is_empty(
    format($$ select id from app.audit_logs
    where position(%L in concat(old, new)) > 0 or position(%L in concat(old, new)) > 0 $$,
        :'token', encode(sha256(convert_to(:'token', 'UTF8')), 'hex')),
    'without the token');
set local role telemed_api;

-- Once more
select token as second from api.request_password_reset('patient@clinic.test') \gset
select isnt(:'second'::text, :'token', 'a second request has another token');
reset role;
select is(count(*), 2::bigint, 'which leaves the first in force')
from app.password_resets as r
where r.user_id = pg_temp.id_of('patient') and r.revoked_at is null;

-- From one address: five in an hour, then one every five minutes
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
select is(pg_temp.granted(5, null, '2027-01-04 08:00+00'), 3::bigint, 'an address has five');
select is(
    pg_temp.granted(v.n, v.address, v.now::timestamptz), v.granted::bigint, v.sentence)
from (values
    (2, '192.0.2.1', '2027-01-04 08:00:01+00', 2, 'another address is not kept from a message'),
    (3, null, '2027-01-04 08:04:59+00', 0, 'the sixth has to wait'),
    (3, null, '2027-01-04 08:05:00+00', 1, 'for five minutes'),
    (3, null, '2027-01-04 08:10:00+00', 1, 'and so on'),
    (1, null, '2027-01-04 09:00:01+00', 1, 'after an hour it begins again'))
    as v (n, address, now, granted, sentence);
-- From all together: twenty in an hour, then one every five minutes
select is(
    (select sum(pg_temp.granted(1, '198.51.100.' || n, '2027-01-04 12:00+00'))
     from generate_series(1, 30) as n), 20::numeric, 'thirty strangers have twenty messages');
insert into app.log_in_attempts (subject, last_attempt_at, succeeded_at)
select app.log_in_subject('both', 'patient@clinic.test', '203.0.113.7'), v.at, v.at
from (values ('2026-12-20'::timestamptz)) as v (at);
select is(
    pg_temp.granted(v.n, v.address, v.now::timestamptz), v.granted::bigint, v.sentence)
from (values
    (1, '198.51.100.99', '2027-01-04 12:04:59+00', 0, 'the next stranger has to wait'),
    (1, '203.0.113.7', '2027-01-04 12:04:59+00', 1,
     'but not somebody at an address from which the user has logged in'),
    (1, '198.51.100.99', '2027-01-04 12:09:59+00', 1,
     'after five minutes a stranger has one again: it may be the user'),
    (1, '203.0.113.7', '2027-01-20 12:00:00+00', 1, 'later everybody has'))
    as v (n, address, now, granted, sentence);
select pg_temp.set_clock('2027-01-04 08:00:00+00');
set local role telemed_api;
select is(
    (select count(*) from api.request_password_reset('other_patient@clinic.test')), 1::bigint,
    'other accounts are counted for themselves');

-- Who has no account
reset role;
select count(*) as resets from app.password_resets \gset
update app.users set deactivated_at = app.clock() where id = pg_temp.id_of('doctor');
select count(*) as traces from app.audit_logs \gset
set local role telemed_api;
select is_empty(
    format('select token from api.request_password_reset(%L)', v.email), v.sentence)
from (values
    ('unknown@clinic.test', 'an unknown address gets nothing'),
    ('doctor@clinic.test', 'nor does a deactivated account'),
    ('%@clinic.test', 'an address is not a pattern'),
    ('', 'an empty one is nobody''s'),
    (null, 'and none is')) as v (email, sentence);
reset role;
select collect_tap(
    is((select count(*) from app.password_resets), :'resets', 'nothing is stored for them'),
    is((select count(*) from app.audit_logs), :'traces', 'and nothing is traced'));

-- An unknown address has to reach the disk as well
select pg_current_wal_insert_lsn() as before \gset
set local role telemed_api;
select is_empty(
    $$ select token from api.request_password_reset('unknown@clinic.test') $$,
    'an unknown address asks once more');
reset role;
select cmp_ok(
    pg_current_wal_insert_lsn(), '>', :'before'::pg_lsn,
    'it writes as well, so that the answer takes as long');

-- Without a context
set local role telemed_api;
set local app.proof = '';
select throws_ok(
    $$ select api.request_password_reset('patient@clinic.test') $$, 'TM101', null,
    'who cannot prove to be the REST API gets no token');
reset role;
set local role telemed_auditor;
select throws_ok(
    $$ select api.request_password_reset('patient@clinic.test') $$, '42501', null,
    'nor does an auditor');

select * from finish();
rollback;
