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
    'select api.disable_mfa()', 'TM915', null,
    'disable_mfa: a user without a second factor is refused');
select api.enrol_mfa('a secret') \g /dev/null
select throws_ok(
    format('select api.disable_mfa(%s)', :now_step), 'TM915', null,
    'disable_mfa: a second factor that is not confirmed is refused');
select recovery_codes as codes from api.confirm_mfa('a secret', :now_step - 1) \gset

-- Refusals
select throws_ok(
    format('select api.disable_mfa(%s, %s)',
        coalesce(v.step::text, 'null'), quote_nullable(v.code)),
    'TM106', 'The one-time code is wrong or has been used', v.sentence)
from (values
    (null, null, 'disable_mfa: a call without a code is refused'),
    (:now_step - 1, null, 'disable_mfa: the time step that confirmed the second factor is refused'),
    (:now_step + 3, null, 'disable_mfa: a time step in the future is refused'),
    (null, 'abcdef', 'disable_mfa: a wrong recovery code is refused')) as v (step, code, sentence);
reset role;
select is(s.wrong_codes, 0, 'disable_mfa: a refusal by an ERROR, as in psql, is not counted')
from app.sessions as s where s.id = :'session';

-- Refusals that are committed
set local role telemed_api;
select pg_temp.sign_in('patient', 'remember', p_session_id => :'other');
select is(
    api.disable_mfa(null, 'abcdef')::text, '',
    'disable_mfa: wrong code number ' || n || ' is refused by a WARNING')
from generate_series(1, 4) as n;
reset role;
select is(
    (s.wrong_codes, s.revoked_at is null), (4, true),
    'disable_mfa: four wrong codes are counted, and the session stays in force')
from app.sessions as s where s.id = :'other';
set local role telemed_api;
select lives_ok('select api.disable_mfa(null, null)',
    'disable_mfa: a missing code counts as the fifth wrong one');
reset role;
select is(
    (s.wrong_codes, s.revoked_at::timestamptz), (5, '2027-01-04 08:00:00+00'::timestamptz),
    'disable_mfa: the fifth wrong code ends the session')
from app.sessions as s where s.id = :'other';
set local role telemed_api;
select throws_ok(
    format('select api.disable_mfa(%s)', :now_step), 'TM102', null,
    'disable_mfa: a right code in the ended session is refused');

-- With a one-time code
select pg_temp.sign_in(
    'patient', 'remember', p_request_id => 'removal', p_session_id => :'session');
select lives_ok(
    format('select api.disable_mfa(%s)', :now_step),
    'disable_mfa: a right code removes the second factor');
reset role;
select collect_tap(
    is(u.mfa_secret, null, 'disable_mfa: the secret is deleted'),
    is(u.mfa_confirmed_at::timestamptz, null,
        'disable_mfa: the second factor is no longer in force'),
    is(u.mfa_last_step, null, 'disable_mfa: the last used time step is deleted'))
from app.users as u where u.id = pg_temp.id_of('patient');
select is_empty(
    format('select id from app.recovery_codes where user_id = %L and spent_at is null',
        pg_temp.id_of('patient')),
    'disable_mfa: the recovery codes can no longer be used');
select is(s.second_factor_at::timestamptz, null,
    'disable_mfa: the session stays in force and lacks the second factor')
from app.sessions as s where s.id = :'session' and s.revoked_at is null;
select is(
    array_agg(distinct l.user_id), array[pg_temp.id_of('patient')],
    'disable_mfa: the audit log names the user in every row')
from app.audit_logs as l where l.request_id = 'removal';
set local role telemed_api;

-- With a recovery code
select pg_temp.sign_in('patient');
select api.enrol_mfa('a new secret') \g /dev/null
select recovery_codes as codes from api.confirm_mfa('a new secret', :now_step) \gset
select pg_temp.sign_in('doctor');
select throws_ok(
    format('select api.disable_mfa(null, %L)', (:'codes'::text[])[7]),
    'TM915', null,
    'disable_mfa: a user without a second factor is refused, even with the code of another user');
select pg_temp.sign_in('patient');
select lives_ok(
    format('select api.disable_mfa(null, %L)', upper((:'codes'::text[])[7])),
    'disable_mfa: a recovery code removes the second factor');
select is((api.my_mfa_secret()).secret, null,
    'disable_mfa: the secret is deleted after a recovery code as well');
select pg_temp.sign_in('nobody');
select throws_ok('select api.disable_mfa()', 'TM101', null,
    'disable_mfa: a caller who is not logged in is refused');

select * from finish();
rollback;
