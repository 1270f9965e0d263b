begin;
\ir ../helpers/actors.psql
select plan(11);

select pg_temp.sign_in('patient');
select is(
    api.update_my_notifications(v.kind, v.email, v.sms)::text, v.answer,
    'update_my_notifications: ' || v.sentence)
from (values
    (1, 'reminder', null::boolean, true, '(reminder,t,t)', 'an SMS comes beside the e-mail'),
    (2, 'reminder', false, null, '(reminder,f,t)', 'null leaves the other channel as it is'),
    (3, 'reminder', null, null, '(reminder,f,t)', 'two nulls change nothing'),
    (4, 'reminder', true, false, '(reminder,t,f)', 'both channels can change at once'),
    (5, 'payment', null, null, '(payment,t,f)', 'a kind begins with its default'))
    as v (n, kind, email, sms, answer, sentence);
reset role;
select is(count(*), 2::bigint, 'update_my_notifications: each kind has one row')
from app.notification_preferences as n where n.user_id = pg_temp.id_of('patient');
select is(
    l.user_id, pg_temp.id_of('patient'), 'update_my_notifications: the audit log has the user')
from app.audit_logs as l where l.table_name = 'notification_preferences' limit 1;
set local role telemed_api;
select is(
    pg_temp.refusal(v.actor, format('select api.update_my_notifications(%L, true)', v.kind)),
    v.refusal, 'update_my_notifications: ' || v.sentence)
from (values
    ('patient', 'advertising', 'TM201 kind', 'an unknown kind is refused'),
    ('patient', null, 'TM201 kind', 'a null kind is refused'),
    ('doctor', 'booked', null, 'a doctor has preferences as well'),
    ('nobody', 'booked', 'TM101', 'a caller who is not logged in is refused'))
    as v (actor, kind, refusal, sentence);

select * from finish();
rollback;
