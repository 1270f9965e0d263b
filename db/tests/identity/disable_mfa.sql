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
    'select api.disable_mfa()', 'TM915', null, 'what is not there cannot be removed');
select api.enrol_mfa('a secret') \g /dev/null
select throws_ok(
    format('select api.disable_mfa(%s)', :now_step), 'TM915', null, 'nor what is not confirmed');
select recovery_codes as codes from api.confirm_mfa('a secret', :now_step - 1) \gset

-- Refusals
select throws_ok(
    format('select api.disable_mfa(%s, %s)',
        coalesce(v.step::text, 'null'), quote_nullable(v.code)),
    'TM106', 'The one-time code is wrong or has been used', v.sentence)
from (values
    (null, null, 'without a code it is not removed'),
    (:now_step - 1, null, 'nor with one that was used to confirm it'),
    (:now_step + 3, null, 'nor with one of the future'),
    (null, 'abcdef', 'nor with a wrong recovery code')) as v (step, code, sentence);
reset role;
select is(s.wrong_codes, 0, 'in psql nobody counts')
from app.sessions as s where s.id = :'session';

-- In a session
set local role telemed_api;
select pg_temp.sign_in('patient', 'remember', p_session_id => :'other');
select is(api.disable_mfa(null, 'abcdef')::text, '', 'a wrong code is refused')
from generate_series(1, 4);
reset role;
select is(
    (s.wrong_codes, s.revoked_at is null), (4, true), 'which is counted, and the session goes on')
from app.sessions as s where s.id = :'other';
set local role telemed_api;
select lives_ok('select api.disable_mfa(null, null)', 'the fifth time it is told the same');
reset role;
select is(
    (s.wrong_codes, s.revoked_at::timestamptz), (5, '2027-01-04 08:00:00+00'::timestamptz),
    'but the session is over')
from app.sessions as s where s.id = :'other';
set local role telemed_api;
select throws_ok(
    format('select api.disable_mfa(%s)', :now_step), 'TM102', null,
    'so that even a right code is too late');

-- With a right code
select pg_temp.sign_in(
    'patient', 'remember', p_request_id => 'removal', p_session_id => :'session');
select lives_ok(
    format('select api.disable_mfa(%s)', :now_step), 'a fresh code removes it');
reset role;
select collect_tap(
    is(u.mfa_secret, null, 'the secret is gone'),
    is(u.mfa_confirmed_at::timestamptz, null, 'nothing is in force'),
    is(u.mfa_last_step, null, 'or remembered of its codes'))
from app.users as u where u.id = pg_temp.id_of('patient');
select is_empty(
    format('select id from app.recovery_codes where user_id = %L and spent_at is null',
        pg_temp.id_of('patient')),
    'its recovery codes are worth nothing');
select is(s.second_factor_at::timestamptz, null, 'the session goes on without a second factor')
from app.sessions as s where s.id = :'session' and s.revoked_at is null;
select is(
    array_agg(distinct l.user_id), array[pg_temp.id_of('patient')], 'all that leaves traces')
from app.audit_logs as l where l.request_id = 'removal';
set local role telemed_api;

-- With a recovery code
select pg_temp.sign_in('patient');
select api.enrol_mfa('a new secret') \g /dev/null
select recovery_codes as codes from api.confirm_mfa('a new secret', :now_step) \gset
select pg_temp.sign_in('doctor');
select throws_ok(
    format('select api.disable_mfa(null, %L)', (:'codes'::text[])[7]),
    'TM915', null, 'a code is of no use to others');
select pg_temp.sign_in('patient');
select lives_ok(
    format('select api.disable_mfa(null, %L)', upper((:'codes'::text[])[7])),
    'a recovery code removes it');
select is((api.my_mfa_secret()).secret, null, 'as a one-time code does');
select pg_temp.sign_in('nobody');
select throws_ok('select api.disable_mfa()', 'TM101', null, 'strangers remove nothing');

select * from finish();
rollback;
