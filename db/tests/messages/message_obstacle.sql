begin;
\ir ../helpers/actors.psql
\ir ../helpers/messages.psql
select plan(25);
reset role;

create function pg_temp.obstacle(p_message_id uuid)
returns text language sql
as $$ select app.message_obstacle(m) from app.messages as m where m.id = p_message_id $$;

select pg_temp.open_slot('doctor', '2027-01-06 09:00:00+00') as slot_1 \gset
select pg_temp.open_slot('doctor', '2027-01-07 09:00:00+00') as slot_2 \gset
select pg_temp.booking('patient', :'slot_1') as consultation \gset
select * from api.request_password_reset('patient@clinic.test') \g /dev/null
select pg_temp.dispatch();
select pg_temp.message('patient', 'booked') as booked \gset
select pg_temp.message('patient', 'reminder_24h') as day_before \gset
select pg_temp.message('patient', 'reminder_1h') as hour_before \gset
select pg_temp.message('patient', 'email_verification') as verification \gset
select pg_temp.message('patient', 'password_reset') as reset \gset

select is(pg_temp.obstacle(v.message::uuid), null, 'message_obstacle: nothing keeps ' || v.sentence)
from (values
    (:'booked', 'a message about a scheduled consultation from being sent'),
    (:'hour_before', 'a reminder of a scheduled consultation from being sent'),
    (:'verification', 'a message to verify an address from being sent'),
    (:'reset', 'a message to reset a password from being sent')) as v (message, sentence);

-- A consultation that has ended early
savepoint before;
set local session_replication_role = replica;
update app.consultations set status = 'completed', completion_digest = sha256('')
where id = :'consultation';
set local session_replication_role = origin;
select is(pg_temp.obstacle(:'booked'), 'late',
    'message_obstacle: a completed consultation is not announced, even before its time');
rollback to before;

-- Preferences
insert into app.notification_preferences values (pg_temp.id_of('patient'), 'booked', false, false);
select is(pg_temp.obstacle(:'booked'), 'unwanted',
    'message_obstacle: a message that its recipient does not want any more is not sent');
select is(pg_temp.obstacle(:'hour_before'), null,
    'message_obstacle: the preference about one kind does not concern another kind');
update app.notification_preferences set by_email = true;

-- The time of the consultation
select pg_temp.set_clock('2027-01-06 07:59:59+00');
select is(pg_temp.obstacle(:'day_before'), null,
    'message_obstacle: a late reminder is sent until the next one is due');
select pg_temp.set_clock('2027-01-06 08:00:00+00');
select is(pg_temp.obstacle(:'day_before'), 'late',
    'message_obstacle: a reminder is not sent when the next one is due');
select is(pg_temp.obstacle(:'hour_before'), null,
    'message_obstacle: the reminder an hour before is sent in that hour');
select pg_temp.set_clock(r.expires_at) from app.password_resets as r;
select is(pg_temp.obstacle(:'reset'), 'expired',
    'message_obstacle: a token that sets a new password is not sent when it expires');
select pg_temp.set_clock(v.expires_at)
from app.email_verifications as v where v.user_id = pg_temp.id_of('patient');
select is(pg_temp.obstacle(:'verification'), 'expired',
    'message_obstacle: a token that verifies an address is not sent when it expires');
select pg_temp.set_clock('2027-01-06 09:00:00+00');
select is(pg_temp.obstacle(:'hour_before'), 'late',
    'message_obstacle: no reminder is sent when the consultation has begun');
select pg_temp.set_clock('2027-01-04 08:00:00+00');

-- The consultation moves, moves back, and is cancelled
select pg_temp.sign_in('patient');
select api.reschedule_consultation(:'consultation', :'slot_2', 'there') \g /dev/null
select is(pg_temp.obstacle(:'booked'), 'moved',
    'message_obstacle: a message with the former time is not sent');
select is(pg_temp.obstacle(:'hour_before'), 'moved',
    'message_obstacle: a reminder of the former time is not sent');
select api.reschedule_consultation(:'consultation', :'slot_1', 'back') \g /dev/null
select is(pg_temp.obstacle(:'hour_before'), null,
    'message_obstacle: a reminder of a time to which the consultation has come back is sent');
select api.cancel_consultation(:'consultation') \g /dev/null
select pg_temp.dispatch();
select is(pg_temp.obstacle(:'hour_before'), 'cancelled',
    'message_obstacle: no reminder of a cancelled consultation is sent');
select is(pg_temp.obstacle(pg_temp.message('patient', 'cancelled')), null,
    'message_obstacle: the message about the cancellation is sent');

-- Tokens and accounts
savepoint before;
update app.email_verifications set revoked_at = app.clock()
where user_id <> pg_temp.id_of('patient');
select is(pg_temp.obstacle(:'verification'), null,
    'message_obstacle: the revoked token of somebody else keeps no message');
rollback to before;
update app.email_verifications set revoked_at = app.clock();
select is(pg_temp.obstacle(:'verification'), 'expired',
    'message_obstacle: a revoked token that verifies an address is not sent');
update app.password_resets set used_at = app.clock();
select is(pg_temp.obstacle(:'reset'), 'expired',
    'message_obstacle: a used token that sets a new password is not sent');
rollback to before;
update app.password_resets set revoked_at = app.clock();
select is(pg_temp.obstacle(:'reset'), 'expired', 'message_obstacle: a revoked token is not sent');
select is(pg_temp.obstacle(:'verification'), null,
    'message_obstacle: the token of another kind is sent');
update app.email_verifications set used_at = app.clock();
select is(pg_temp.obstacle(:'verification'), 'expired', 'message_obstacle: a used token is not sent');
update app.users set deactivated_at = app.clock() where id = pg_temp.id_of('patient');
select is(pg_temp.obstacle(pg_temp.message('patient', 'cancelled')), 'deactivated',
    'message_obstacle: a deactivated account gets no message');

select * from finish();
rollback;
