begin;
\ir ../helpers/actors.psql
select plan(22);
select '$2b$04$' || repeat('a', 53) as hash, '$2b$04$' || repeat('c', 53) as wrong_hash \gset

-- Refusals
select is(
    pg_temp.refusal(v.actor, format('select api.request_email_change(%L, %L)', v.email, v.hash)),
    v.refusal, 'request_email_change: ' || v.sentence)
from (values
    ('patient', 'new@clinic.test', :'wrong_hash', 'TM220 password', 'a wrong password is refused'),
    ('patient', 'new@clinic.test', null, 'TM220 password', 'a null password is refused'),
    ('patient', 'patient@clinic.test', :'hash', 'TM201 email',
     'the address of the account is refused'),
    ('patient', 'Doctor@CLINIC.test', :'hash', 'TM911 email',
     'the address of another account is refused, whatever its case'),
    ('patient', 'no address', :'hash', '23514', 'a text that is no address is refused'),
    ('patient', null, :'hash', '23502 email', 'a null address is refused'),
    ('nobody', 'new@clinic.test', :'hash', 'TM101', 'a caller who is not logged in is refused')
) as v (actor, email, hash, refusal, sentence);

select pg_temp.sign_in('patient');
select api.my_password_salt() \g /dev/null
select pg_temp.refusal('patient', format(
    'select api.request_email_change(%L, %L)', 'doctor@clinic.test', :'hash')) \g /dev/null
reset role;
select is(a.failures, 1,
    'request_email_change: a request that names a registered address counts as a failed log-in')
from app.log_in_attempts as a
where a.subject = app.log_in_subject('account', 'patient@clinic.test', null);
set local role telemed_api;

-- The permitted path
select pg_temp.sign_in('patient', p_request_id => 'change');
select * from api.request_email_change('New@clinic.test', :'hash') \gset
select collect_tap(
    is(:'email'::text, 'New@clinic.test',
        'request_email_change: the token is for the new address'),
    matches(:'token'::text, '^[A-Za-z0-9_-]{43}$',
        'request_email_change: the answer has a token of 256 bits'));
select collect_tap(
    is(u.email, 'patient@clinic.test',
        'request_email_change: the account keeps its address until the token is used'),
    is(u.email_verified_at, null, 'request_email_change: a request verifies nothing'))
from api.my_profile() as u;
select is(
    pg_temp.refusal('other_patient', format('select api.verify_email(%L)', :'token')),
    'TM231 token', 'request_email_change: another user cannot use the token');
select pg_temp.sign_in('patient');
select collect_tap(
    is(u.email, 'New@clinic.test',
        'request_email_change: the address changes when the token is used'),
    is(u.email_verified_at, '2027-01-04 08:00:00+00',
        'request_email_change: the new address is verified'))
from api.verify_email(:'token') as u;
select is(
    pg_temp.refusal('patient', format(
        'select api.request_email_change(%L, %L)', 'new@CLINIC.test', :'hash')),
    null, 'request_email_change: the case of the own address can change');

-- The limits (app.limit_email_verifications)
select is(
    pg_temp.refusal('other_patient', format(
        'select api.request_email_change(n || %L, %L) from generate_series(1, %s) as n',
        'new@clinic.test', :'hash', v.n)),
    v.refusal, 'request_email_change: ' || v.sentence)
from (values
    (4, null, 'with that of sign-up five messages are sent within an hour'),
    (1, 'TM802', 'the sixth message within an hour is refused')) as v (n, refusal, sentence);
select is(
    pg_temp.refusal(v.actor, format(
        'select api.request_email_change(%L, %L) from generate_series(1, %s)',
        v.email, :'hash', v.n)),
    v.refusal, 'request_email_change: ' || v.sentence)
from (values
    ('doctor', 'flooded@clinic.test', 3, null, 'an account can request several messages'),
    ('other_doctor', 'Flooded@CLINIC.test', 2, null,
     'with those of another account five messages are sent to an address within an hour'),
    ('admin', 'flooded@clinic.test', 1, 'TM802',
     'the sixth message to an address is refused, whoever requests it'),
    ('admin', 'other@clinic.test', 1, null, 'a message to another address is sent'))
    as v (actor, email, n, refusal, sentence);

select * from finish();
rollback;
