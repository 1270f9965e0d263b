begin;
\ir ../helpers/actors.psql
select plan(4);

select pg_temp.sign_in('patient');
select results_eq(
    'select * from api.my_notifications()',
    $$ values ('booked', true, false), ('rescheduled', true, false), ('cancelled', true, false),
              ('reminder', true, false), ('prescription', true, false), ('payment', true, false) $$,
    'my_notifications: after sign-up every kind comes by e-mail alone');
select kind from api.update_my_notifications('reminder', false, true) \gset
select results_eq(
    $$ select by_email, by_sms from api.my_notifications() where kind = 'reminder' $$,
    $$ values (false, true) $$, 'my_notifications: a changed preference is listed');
select pg_temp.sign_in('other_patient');
select results_eq(
    $$ select by_email, by_sms from api.my_notifications() where kind = 'reminder' $$,
    $$ values (true, false) $$, 'my_notifications: another user has preferences of their own');
select is(pg_temp.refusal('nobody', 'select api.my_notifications()'), 'TM101',
    'my_notifications: a caller who is not logged in is refused');

select * from finish();
rollback;
