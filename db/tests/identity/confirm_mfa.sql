begin;
\ir ../helpers/actors.psql
select plan(26);
reset role;

select floor(extract(epoch from app.clock()) / 30)::bigint as now_step \gset
insert into app.sessions (user_id) values (pg_temp.id_of('patient')) returning id as session \gset
insert into app.sessions (user_id) values (pg_temp.id_of('patient')) returning id as other \gset
set local role telemed_api;

select pg_temp.sign_in('patient', p_session_id => :'session');
select throws_ok(
    format('select api.confirm_mfa(%L, %s)', 'a secret', :now_step),
    'TM915', null, 'confirm_mfa: a user without an enrolled secret is refused');
select api.enrol_mfa('a secret') \g /dev/null
select throws_ok(
    format('select api.confirm_mfa(%L, %s)', v.secret, coalesce(v.step::text, 'null')),
    'TM106', 'The one-time code is wrong or has been used', v.sentence)
from (values
    ('a secret', null, 'confirm_mfa: a wrong code is refused'),
    ('a secret', :now_step - 3, 'confirm_mfa: a code of 90 seconds ago is refused'),
    ('a secret', :now_step + 3, 'confirm_mfa: a code 90 seconds ahead is refused'),
    ('another', :now_step, 'confirm_mfa: a code of another secret is refused'),
    (null, :now_step,
     'confirm_mfa: a code without its secret is refused')) as v (secret, step, sentence);
reset role;
select is(u.mfa_confirmed_at::timestamptz, null,
    'confirm_mfa: a refusal leaves the second factor unconfirmed')
from app.users as u where u.id = pg_temp.id_of('patient');
set local role telemed_api;
select pg_temp.sign_in(
    'patient', p_request_id => 'confirmation', p_session_id => :'session');
select recovery_codes as codes from api.confirm_mfa('a secret', :now_step - 1) \gset
select is(cardinality(:'codes'::text[]), 10,
    'confirm_mfa: a right code returns ten recovery codes');
reset role;
select collect_tap(
    is(u.mfa_confirmed_at::timestamptz, '2027-01-04 08:00:00+00',
        'confirm_mfa: the second factor is in force from now on'),
    is(u.mfa_last_step, :now_step::bigint - 1,
        'confirm_mfa: the time step of the code is stored as used'),
    is(u.mfa_secret, 'a secret'::bytea, 'confirm_mfa: the secret stays as it is'))
from app.users as u where u.id = pg_temp.id_of('patient');
select is(s.second_factor_at::timestamptz, v.second_factor_at, v.sentence)
from (values
    (:'session'::uuid, '2027-01-04 08:00:00+00'::timestamptz,
     'confirm_mfa: the calling session counts as begun with the second factor'),
    (:'other', null,
     'confirm_mfa: another session of the user still lacks the second factor'))
as v (id, second_factor_at, sentence)
inner join app.sessions as s on s.id = v.id;
select is(
    array_agg(l.table_name::text order by l.id),
    '{users,sessions}' || array_fill('recovery_codes'::text, array[10]),
    'confirm_mfa: the audit log has the user, the session and the ten recovery codes')
from app.audit_logs as l where l.request_id = 'confirmation';
select is_empty(
    $$ select id from app.audit_logs where request_id = 'confirmation'
       and user_id is distinct from pg_temp.id_of('patient') $$,
    'confirm_mfa: the audit log names the user in every row');
select is_empty(
    $$ select id from app.audit_logs where concat(old, new) ~ 'a secret|code_hash' $$,
    'confirm_mfa: the audit log holds neither the secret nor the hash of a recovery code');
select is(
    array_agg(c.code_hash order by c.code_hash),
    (select array_agg(app.recovery_code_hash(k.code) order by app.recovery_code_hash(k.code))
     from unnest(:'codes'::text[]) as k (code)),
    'confirm_mfa: the returned recovery codes are those whose hashes are stored')
from app.recovery_codes as c where c.user_id = pg_temp.id_of('patient');
set local role telemed_api;

select is(u.mfa_confirmed_at, '2027-01-04 08:00:00+00',
    'confirm_mfa: the profile says since when there is a second factor')
from api.my_profile() as u;
select throws_ok(
    format('select api.confirm_mfa(%L, %s)', 'a secret', :now_step),
    'TM914', null, 'confirm_mfa: a second factor that is in force cannot be confirmed again');
select lives_ok(
    format('select api.disable_mfa(%s)', :now_step),
    'confirm_mfa: the code after the one that confirmed the second factor can remove it');
select throws_ok(
    format('select api.confirm_mfa(%L, %s)', 'a secret', :now_step + 1),
    'TM915', null, 'confirm_mfa: a second factor that was removed cannot be confirmed');
select api.enrol_mfa('a new secret') \g /dev/null
select is(u.mfa_confirmed_at, null,
    'confirm_mfa: the profile has no second factor that is removed or not confirmed yet')
from api.my_profile() as u;
select recovery_codes as new_codes from api.confirm_mfa('a new secret', :now_step) \gset
select is(
    :'codes'::text[] && :'new_codes'::text[], false,
    'confirm_mfa: a new second factor comes with new recovery codes');
select throws_ok(
    format('select api.disable_mfa(null, %L)', (:'codes'::text[])[1]),
    'TM106', null, 'confirm_mfa: the recovery codes of a removed second factor are refused');

-- Without a session
select pg_temp.sign_in('doctor');
select api.enrol_mfa('a secret') \g /dev/null
select is(
    cardinality((api.confirm_mfa('a secret', :now_step)).recovery_codes), 10,
    'confirm_mfa: a DBA who acts as a user can confirm without a session');
select pg_temp.sign_in('nobody');
select throws_ok(
    format('select api.confirm_mfa(%L, %s)', 'a secret', :now_step), 'TM101', null,
    'confirm_mfa: a caller who is not logged in is refused');

select * from finish();
rollback;
