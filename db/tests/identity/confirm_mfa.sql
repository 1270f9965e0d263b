begin;
\ir ../helpers/actors.psql
select plan(24);
reset role;

select floor(extract(epoch from app.clock()) / 30)::bigint as now_step \gset
insert into app.sessions (user_id) values (pg_temp.id_of('patient')) returning id as session \gset
insert into app.sessions (user_id) values (pg_temp.id_of('patient')) returning id as other \gset
set local role telemed_api;

select pg_temp.sign_in('patient', p_session_id => :'session');
select throws_ok(
    format('select api.confirm_mfa(%L, %s)', 'a secret', :now_step),
    'TM915', null, 'what is not there cannot be confirmed');
select api.enrol_mfa('a secret') \g /dev/null
select throws_ok(
    format('select api.confirm_mfa(%L, %s)', v.secret, coalesce(v.step::text, 'null')),
    'TM106', 'The one-time code is wrong or has been used', v.sentence)
from (values
    ('a secret', null, 'a wrong code confirms nothing'),
    ('a secret', :now_step - 3, 'nor one of long ago'),
    ('a secret', :now_step + 3, 'nor one of the future'),
    ('another', :now_step, 'nor one of another secret'),
    (null, :now_step, 'nor one of no secret at all')) as v (secret, step, sentence);
reset role;
select is(u.mfa_confirmed_at::timestamptz, null, 'nothing is in force yet')
from app.users as u where u.id = pg_temp.id_of('patient');
set local role telemed_api;
select pg_temp.sign_in(
    'patient', p_request_id => 'confirmation', p_session_id => :'session');
select recovery_codes as codes from api.confirm_mfa('a secret', :now_step - 1) \gset
select is(cardinality(:'codes'::text[]), 10, 'a right code is answered with ten recovery codes');
reset role;
select collect_tap(
    is(u.mfa_confirmed_at::timestamptz, '2027-01-04 08:00:00+00', 'the second factor is in force'),
    is(u.mfa_last_step, :now_step::bigint - 1, 'and the code is used up'),
    is(u.mfa_secret, 'a secret'::bytea, 'its secret stays'))
from app.users as u where u.id = pg_temp.id_of('patient');
select is(s.second_factor_at::timestamptz, v.second_factor_at, v.sentence)
from (values
    (:'session'::uuid, '2027-01-04 08:00:00+00'::timestamptz, 'this session has a second factor'),
    (:'other', null, 'a session beside it has none')) as v (id, second_factor_at, sentence)
inner join app.sessions as s on s.id = v.id;
select is(
    array_agg(l.table_name::text order by l.id),
    '{users,sessions}' || array_fill('recovery_codes'::text, array[10]), 'all that leaves traces')
from app.audit_logs as l where l.request_id = 'confirmation';
select is_empty(
    $$ select id from app.audit_logs where request_id = 'confirmation'
       and user_id is distinct from pg_temp.id_of('patient') $$,
    'of who did it');
select is_empty(
    $$ select id from app.audit_logs where concat(old, new) ~ 'a secret|code_hash' $$,
    'without secrets');
select is(
    array_agg(c.code_hash order by c.code_hash),
    (select array_agg(app.recovery_code_hash(k.code) order by app.recovery_code_hash(k.code))
     from unnest(:'codes'::text[]) as k (code)),
    'the codes are those that are stored, as hashes')
from app.recovery_codes as c where c.user_id = pg_temp.id_of('patient');
set local role telemed_api;

select throws_ok(
    format('select api.confirm_mfa(%L, %s)', 'a secret', :now_step),
    'TM914', null, 'a second factor is confirmed once');
select lives_ok(
    format('select api.disable_mfa(%s)', :now_step), 'the next code is good for removing it');
select throws_ok(
    format('select api.confirm_mfa(%L, %s)', 'a secret', :now_step + 1),
    'TM915', null, 'it cannot be confirmed again');
select api.enrol_mfa('a new secret') \g /dev/null
select recovery_codes as new_codes from api.confirm_mfa('a new secret', :now_step) \gset
select is(
    :'codes'::text[] && :'new_codes'::text[], false, 'a new one comes with new recovery codes');
select throws_ok(
    format('select api.disable_mfa(null, %L)', (:'codes'::text[])[1]),
    'TM106', null, 'the old ones are worth nothing');

-- Without a session
select pg_temp.sign_in('doctor');
select api.enrol_mfa('a secret') \g /dev/null
select is(
    cardinality((api.confirm_mfa('a secret', :now_step)).recovery_codes), 10,
    'a database administrator can do it for somebody');
select pg_temp.sign_in('nobody');
select throws_ok(
    format('select api.confirm_mfa(%L, %s)', 'a secret', :now_step), 'TM101', null,
    'strangers confirm nothing');

select * from finish();
rollback;
