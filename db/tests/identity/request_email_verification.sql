begin;
\ir ../helpers/actors.psql
select plan(15);

-- The permitted path
select pg_temp.sign_in('doctor', p_request_id => 'verify');
select * from api.request_email_verification() \gset
select collect_tap(
    is(:'email'::text, 'doctor@clinic.test',
        'request_email_verification: the answer has the address of the account'),
    matches(:'token'::text, '^[A-Za-z0-9_-]{43}$',
        'request_email_verification: the answer has a token of 256 bits'));
reset role;
select collect_tap(
    is(v.token_hash, sha256(convert_to(:'token', 'UTF8')),
        'request_email_verification: the token is stored as its hash alone'),
    is(v.email::text, 'doctor@clinic.test',
        'request_email_verification: the token is for the address of the account'),
    is(v.expires_at::timestamptz, '2027-01-05 08:00:00+00',
        'request_email_verification: the token is valid for 24 hours'))
from app.email_verifications as v where v.user_id = pg_temp.id_of('doctor');
set local role telemed_api;
select isnt(v.token, :'token', 'request_email_verification: a second request gets another token')
from api.request_email_verification() as v;
select is(
    pg_temp.refusal('doctor', format('select api.verify_email(%L)', :'token')), null,
    'request_email_verification: the first token stays valid after a second request');
select is(
    pg_temp.refusal('doctor', 'select api.request_email_verification()'), 'TM931',
    'request_email_verification: an address that is verified already is refused');

-- The limit: sign-up has sent the first of five messages within an hour
select is(
    pg_temp.refusal('patient', 'select api.request_email_verification()'), null,
    format('request_email_verification: message %s within an hour is sent', n))
from generate_series(2, 5) as n;
reset role;
create function pg_temp.wait_of(p_actor text)
returns text language plpgsql
as $$
declare
    v_hint text;
begin
    perform pg_temp.sign_in(p_actor);
    perform api.request_email_verification();
    return null;
exception when sqlstate 'TM802' then
    get stacked diagnostics v_hint = pg_exception_hint;
    return v_hint;
end;
$$;
select pg_temp.set_clock('2027-01-04 08:59:00+00');
select is(pg_temp.wait_of('patient'), '60',
    'request_email_verification: the sixth message within an hour is refused, with the seconds to '
    'wait');
select pg_temp.set_clock('2027-01-04 09:00:00+00');
select is(pg_temp.wait_of('patient'), null,
    'request_email_verification: an hour after the first message another one is sent');
select is(
    pg_temp.refusal('nobody', 'select api.request_email_verification()'), 'TM101',
    'request_email_verification: a caller who is not logged in is refused');

select * from finish();
rollback;
