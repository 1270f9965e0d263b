begin;
\ir ../helpers/actors.psql
select plan(31);
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
select is(r.revoked_at::timestamptz, '2027-01-04 08:00:00+00', 'which replaces the first')
from app.password_resets as r where r.token_hash = sha256(convert_to(:'token', 'UTF8'));
set local role telemed_api;
select is(
    (select count(*) from api.request_password_reset('patient@clinic.test')), 1::bigint,
    'a third request is granted');
select is_empty(
    $$ select token from api.request_password_reset('patient@clinic.test') $$,
    'a fourth within an hour is ignored');
reset role;
select is(count(*), 1::bigint, 'and leaves the third in force')
from app.password_resets as r
where r.user_id = pg_temp.id_of('patient') and r.revoked_at is null;
set local role telemed_api;
select is(
    (select count(*) from api.request_password_reset('other_patient@clinic.test')), 1::bigint,
    'other people may ask as before');
reset role;
select pg_temp.set_clock('2027-01-04 08:59:59.999+00');
set local role telemed_api;
select is_empty(
    $$ select token from api.request_password_reset('patient@clinic.test') $$, 'an hour is an hour');
reset role;
select pg_temp.set_clock('2027-01-04 09:00:00+00');
set local role telemed_api;
select is(
    (select count(*) from api.request_password_reset('patient@clinic.test')), 1::bigint,
    'after it the patient may ask again');

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
