begin;
\ir ../helpers/actors.psql
select plan(24);
reset role;

select pg_temp.id_of('patient') as patient, pg_temp.id_of('doctor') as doctor,
    floor(extract(epoch from app.clock()) / 30)::bigint as now_step \gset
update app.users set mfa_secret = 'a secret', mfa_confirmed_at = app.clock()
where id in (:'patient', :'doctor');
update app.users set mfa_secret = 'a secret' where id = pg_temp.id_of('other_patient');

-- Time steps
select is(app.is_present_otp_step(v.step), v.is_present, v.sentence)
from (values
    (:now_step, true, 'the present step is'),
    (:now_step - 2, true, 'so is one that was a minute ago'),
    (:now_step + 2, true, 'or comes in a minute'),
    (:now_step - 3, false, 'not one that is longer past'),
    (:now_step + 3, false, 'nor one that comes later'),
    (0, false, 'nor the first of all'),
    (9223372036854775807, false, 'nor the last'),
    (null, false, 'nor none')) as v (step, is_present, sentence);

-- One-time codes
select is(app.accept_second_factor(:'patient', v.step, v.code), v.is_accepted, v.sentence)
from (values
    (:now_step + 3, null, false, 'a step of the future is refused'),
    (:now_step - 1, null, true, 'and blocks nothing: the one before this is accepted'),
    (:now_step - 1, null, false, 'once'),
    (:now_step - 2, null, false, 'none before it is any more'),
    (:now_step, null, true, 'the next one is'),
    (null, null, false, 'nothing is nothing')) as v (step, code, is_accepted, sentence);
select is(u.mfa_last_step, :now_step::bigint, 'the last step is remembered')
from app.users as u where u.id = :'patient';
select is(
    app.accept_second_factor(pg_temp.id_of('other_patient'), :now_step, null), false,
    'what is not confirmed is not accepted');
select is(
    app.accept_second_factor(:'doctor', :now_step, null), true, 'each user has steps of their own');

-- Recovery codes
select (app.issue_recovery_codes(:'patient'))[1] as code \gset
select is(app.accept_second_factor(:'doctor', null, :'code'), false, 'a code is not another user''s');
select is(
    app.accept_second_factor(:'patient', :now_step, :'code'), false,
    'it is not looked at beside a time step');
select is(app.accept_second_factor(:'patient', null, :'code'), true, 'it is accepted');
select is(app.accept_second_factor(:'patient', null, :'code'), false, 'once');
select is(
    app.accept_second_factor(:'patient', null, 'abcdef'), false, 'one that was not issued is not');
select app.issue_recovery_codes(pg_temp.id_of('other_patient')) as codes \gset
select is(
    app.accept_second_factor(
        pg_temp.id_of('other_patient'), null, (:'codes'::text[])[1]), false,
    'nor one without a second factor that is in force');

set local role telemed_api;
select throws_ok(
    format('select app.accept_second_factor(%L, 1, null)', :'patient'),
    '42501', null, 'clients bring codes to log in or to remove a factor, nowhere else');

select * from finish();
rollback;
