begin;
\ir ../helpers/actors.psql
select plan(22);
select '$2b$04$' || repeat('a', 53) as hash \gset

-- The token of a sign-up (app.spend_email_verification)
select pg_temp.sign_in('nobody');
select id as new_user, verification_token as token
from api.sign_up('eve@clinic.test', :'hash', 'Eve Example') \gset
reset role;
insert into actor values ('eve', :'new_user', 'patient');
set local role telemed_api;
select is(
    pg_temp.refusal(v.actor, format('select api.verify_email(%L)', v.token)),
    v.refusal, 'verify_email: ' || v.sentence)
from (values
    ('patient', :'token', 'TM231 token', 'the token of another user is refused'),
    ('eve', 'wrong', 'TM231 token', 'an unknown token is refused'),
    ('eve', '', 'TM231 token', 'an empty token is refused'),
    ('eve', null, 'TM231 token', 'a null token is refused'),
    ('nobody', :'token', 'TM101', 'a caller who is not logged in is refused')
) as v (actor, token, refusal, sentence);
select pg_temp.sign_in('eve', p_request_id => 'verify');
select collect_tap(
    is(u.id, :'new_user', 'verify_email: the answer is the profile of the caller'),
    is(u.email, 'eve@clinic.test', 'verify_email: the address stays as it is'),
    is(u.email_verified_at, '2027-01-04 08:00:00+00', 'verify_email: the address is verified now'))
from api.verify_email(:'token') as u;
reset role;
select collect_tap(
    is(l.new ->> 'email_verified_at' is not null, true,
        'verify_email: the audit log has the verification'),
    is(l.user_id, :'new_user', 'verify_email: the audit log names the user'),
    is(l.request_id::text, 'verify', 'verify_email: the audit log names the request'))
from app.audit_logs as l
where l.table_name = 'users' and l.row_id = :'new_user' order by l.id desc limit 1;

-- A retry
select pg_temp.set_clock('2027-01-04 08:10:00+00');
set local role telemed_api;
select is(u.email_verified_at, '2027-01-04 08:00:00+00',
    'verify_email: a retry with the same token gets the same answer')
from api.verify_email(:'token') as u;

-- A token that was used for an earlier address
select token as change from api.request_email_change('eve2@clinic.test', :'hash') \gset
select token as other from api.request_email_change('eve3@clinic.test', :'hash') \gset
select email from api.verify_email(:'change') \gset
select is(:'email'::text, 'eve2@clinic.test', 'verify_email: a token changes the address');
select is(
    pg_temp.refusal('eve', format('select api.verify_email(%L)', v.token)), 'TM231 token',
    'verify_email: ' || v.sentence)
from (values
    (:'token', 'the used token of the old address is refused'),
    (:'other', 'another token that was sent before the change is refused')) as v (token, sentence);
select is(
    (api.log_in('eve2@clinic.test', :'hash')).user_id, :'new_user',
    'verify_email: the user logs in with the new address');

-- Two accounts that want one address
select pg_temp.sign_in('eve');
select token as hers from api.request_email_change('wanted@clinic.test', :'hash') \gset
select pg_temp.sign_in('patient');
select token as his from api.request_email_change('Wanted@clinic.test', :'hash') \gset
select is(pg_temp.refusal('eve', format('select api.verify_email(%L)', :'hers')), null,
    'verify_email: the first of two accounts gets an address');
select is(pg_temp.refusal('patient', format('select api.verify_email(%L)', :'his')), 'TM911',
    'verify_email: the second account is refused');
select is(u.email, 'patient@clinic.test', 'verify_email: the second account keeps its address')
from api.my_profile() as u;

-- The end of a token
select pg_temp.sign_in('doctor');
select token as late from api.request_email_verification() \gset
reset role;
select pg_temp.set_clock('2027-01-05 08:10:00+00');
set local role telemed_api;
select is(pg_temp.refusal('doctor', format('select api.verify_email(%L)', :'late')), 'TM231 token',
    'verify_email: a token is refused after 24 hours');
reset role;
select pg_temp.set_clock('2027-01-05 08:09:59+00');
set local role telemed_api;
select is(pg_temp.refusal('doctor', format('select api.verify_email(%L)', :'late')), null,
    'verify_email: a token is accepted within 24 hours');
select isnt(u.email_verified_at, null, 'verify_email: the address of a doctor is verified as well')
from api.my_profile() as u;

select * from finish();
rollback;
