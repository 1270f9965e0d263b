begin;
\ir ../helpers/actors.psql
select plan(17);
reset role;

insert into app.notification_preferences (user_id, kind, by_email, by_sms)
values (pg_temp.id_of('patient'), 'reminder', false, true);
select throws_ok(v.statement, v.code, null, 'notification_preferences: ' || v.sentence)
from (values
    (format($$ insert into app.notification_preferences values (%L, 'reminder', true, true) $$,
        pg_temp.id_of('patient')), '23505', 'a second row for one kind is refused'),
    (format($$ insert into app.notification_preferences values (%L, 'advertising', true, true) $$,
        pg_temp.id_of('patient')), '23514', 'an unknown kind is refused'),
    ($$ insert into app.notification_preferences
        values (gen_random_uuid(), 'booked', true, true) $$,
     '23503', 'a user who does not exist is refused'),
    ($$ update app.notification_preferences set kind = 'booked' $$, 'TM912',
     'a row keeps its kind'),
    ($$ update app.notification_preferences set user_id = gen_random_uuid() $$, 'TM912',
     'a row keeps its user'),
    ($$ delete from app.notification_preferences $$, 'TM912', 'a row cannot be deleted'),
    ($$ truncate app.notification_preferences $$, 'TM912', 'the table cannot be truncated'))
    as v (statement, code, sentence);

-- What the sender of messages asks
select is(
    app.wants_notification(pg_temp.id_of(v.actor), v.kind, v.channel), v.answer,
    'wants_notification: ' || v.sentence)
from (values
    ('other_patient', 'reminder', 'email', true, 'without a row a user gets e-mail'),
    ('other_patient', 'reminder', 'sms', false, 'without a row a user gets no SMS'),
    ('patient', 'reminder', 'email', false, 'a user who does not want e-mail gets none'),
    ('patient', 'booked', 'email', true, 'a row about another kind changes nothing'),
    ('patient', 'reminder', 'sms', false, 'a user without a phone number gets no SMS'),
    ('patient', 'reminder', 'letter', false, 'an unknown channel is not wanted'))
    as v (actor, kind, channel, answer, sentence);
update app.profiles set phone = '+49 30 901820' where user_id = pg_temp.id_of('patient');
select is(app.wants_notification(pg_temp.id_of('patient'), 'reminder', 'sms'), true,
    'wants_notification: a user with a phone number gets the SMS that they want');
update app.users set deactivated_at = app.clock() where id = pg_temp.id_of('patient');
select is(app.wants_notification(pg_temp.id_of('patient'), 'reminder', 'sms'), null,
    'wants_notification: a deactivated account gets nothing');

-- The kinds that are listed are those that can be stored
select pg_temp.sign_in('other_patient');
select is(
    (select count(*) from api.my_notifications() as n
     where (select pg_get_constraintdef(c.oid) from pg_constraint as c
            where c.conname = 'notification_preferences_kind_is_known') ~ quote_literal(n.kind)),
    (select count(*) from pg_constraint as c
     cross join lateral regexp_matches(pg_get_constraintdef(c.oid), '''\w+''', 'g')
     where c.conname = 'notification_preferences_kind_is_known'),
    'my_notifications: every kind that can be stored is listed');
select is(l.row_id, pg_temp.id_of('patient')::text,
    'notification_preferences: the audit log has the user')
from app.audit_logs as l where l.table_name = 'notification_preferences' limit 1;

select * from finish();
rollback;
