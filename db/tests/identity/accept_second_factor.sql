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
    (:now_step, true, 'is_present_otp_step: the present time step is accepted'),
    (:now_step - 2, true, 'is_present_otp_step: a time step of one minute ago is accepted'),
    (:now_step + 2, true, 'is_present_otp_step: a time step one minute ahead is accepted'),
    (:now_step - 3, false, 'is_present_otp_step: a time step of 90 seconds ago is refused'),
    (:now_step + 3, false, 'is_present_otp_step: a time step 90 seconds ahead is refused'),
    (0, false, 'is_present_otp_step: time step 0 is refused'),
    (9223372036854775807, false, 'is_present_otp_step: the greatest possible time step is refused'),
    (null, false,
     'is_present_otp_step: a null time step is refused')) as v (step, is_present, sentence);

-- One-time codes
select is(app.accept_second_factor(:'patient', v.step, v.code), v.is_accepted, v.sentence)
from (values
    (:now_step + 3, null, false, 'accept_second_factor: a time step in the future is refused'),
    (:now_step - 1, null, true,
     'accept_second_factor: a refused time step does not block an earlier one'),
    (:now_step - 1, null, false,
     'accept_second_factor: the same time step is refused the second time'),
    (:now_step - 2, null, false,
     'accept_second_factor: a time step before the last accepted one is refused'),
    (:now_step, null, true,
     'accept_second_factor: the time step after the last accepted one is accepted'),
    (null, null, false,
     'accept_second_factor: a call without a code is refused')) as v (step, code, is_accepted, sentence);
select is(u.mfa_last_step, :now_step::bigint,
    'accept_second_factor: the last accepted time step is stored')
from app.users as u where u.id = :'patient';
select is(
    app.accept_second_factor(pg_temp.id_of('other_patient'), :now_step, null), false,
    'accept_second_factor: a code of a second factor that is not confirmed is refused');
select is(
    app.accept_second_factor(:'doctor', :now_step, null), true,
    'accept_second_factor: a time step that one user has used is accepted from another user');

-- Recovery codes
select (app.issue_recovery_codes(:'patient'))[1] as code \gset
select is(app.accept_second_factor(:'doctor', null, :'code'), false,
    'accept_second_factor: a recovery code of another user is refused');
select is(
    app.accept_second_factor(:'patient', :now_step, :'code'), false,
    'accept_second_factor: a used time step is refused, even with a valid recovery code beside it');
select is(app.accept_second_factor(:'patient', null, :'code'), true,
    'accept_second_factor: a recovery code is accepted');
select is(app.accept_second_factor(:'patient', null, :'code'), false,
    'accept_second_factor: the same recovery code is refused the second time');
select is(
    app.accept_second_factor(:'patient', null, 'abcdef'), false,
    'accept_second_factor: a recovery code that was never issued is refused');
select app.issue_recovery_codes(pg_temp.id_of('other_patient')) as codes \gset
select is(
    app.accept_second_factor(
        pg_temp.id_of('other_patient'), null, (:'codes'::text[])[1]), false,
    'accept_second_factor: a recovery code of a user without a second factor in force is refused');

set local role telemed_api;
select throws_ok(
    format('select app.accept_second_factor(%L, 1, null)', :'patient'),
    '42501', null, 'accept_second_factor: the REST API cannot call it');

select * from finish();
rollback;
