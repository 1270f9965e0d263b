begin;
\ir ../helpers/actors.psql
\ir ../helpers/messages.psql
select plan(45);
reset role;

select pg_temp.booking('patient', pg_temp.open_slot('doctor', '2027-01-06 09:00:00+00'))
    as consultation \gset
select pg_temp.dispatch();
select pg_temp.message('patient', 'booked') as booked \gset
select pg_temp.message('patient', 'reminder_1h') as reminder \gset
select pg_temp.message('patient', 'email_verification') as verification \gset

-- Constraints
select throws_ok(v.statement, v.code, null, 'messages: ' || v.sentence)
from (values
    (format($$ insert into app.messages
        (event_id, user_id, kind, channel, consultation_id, starts_at, send_at)
        select event_id, user_id, kind, channel, consultation_id, starts_at, send_at
        from app.messages where id = %L $$, :'booked'), '23505',
     'an event leads to one message of a kind for a recipient on a channel'),
    (format($$ insert into app.messages
        (event_id, user_id, kind, channel, consultation_id, starts_at, send_at)
        select event_id + 1000000, user_id, kind, channel, consultation_id, starts_at, send_at
        from app.messages where id = %L $$, :'reminder'), '23505',
     'one time of a consultation has one reminder of a kind, whichever event led to it'),
    ($$ insert into app.messages (event_id, user_id, kind, channel, send_at)
        values (1, pg_temp.id_of('patient'), 'advertising', 'email', app.clock()) $$, '23514',
     'an unknown kind is refused'),
    (format($$ insert into app.messages
        (event_id, user_id, kind, channel, consultation_id, starts_at, send_at)
        select event_id, user_id, kind, 'letter', consultation_id, starts_at, send_at
        from app.messages where id = %L $$, :'booked'), '23514', 'an unknown channel is refused'),
    ($$ insert into app.messages (event_id, user_id, kind, channel, send_at, status)
        values (1, pg_temp.id_of('patient'), 'new_device', 'email', app.clock(), 'lost') $$,
     '23514', 'an unknown status is refused'),
    ($$ insert into app.messages (event_id, user_id, kind, channel, send_at, attempt)
        values (1, pg_temp.id_of('patient'), 'new_device', 'email', app.clock(), -1) $$,
     '23514', 'the number of an attempt below zero is refused'),
    ($$ insert into app.messages (event_id, user_id, kind, channel, send_at)
        values (1, pg_temp.id_of('patient'), 'new_device', 'sms', app.clock()) $$, '23514',
     'a message about the account goes by e-mail'),
    ($$ insert into app.messages (event_id, user_id, kind, channel, send_at)
        values (1, pg_temp.id_of('patient'), 'email_verification', 'email', app.clock()) $$,
     '23514', 'a message to verify an address needs its verification'),
    ($$ insert into app.messages (event_id, user_id, kind, channel, send_at)
        values (1, pg_temp.id_of('patient'), 'password_reset', 'email', app.clock()) $$,
     '23514', 'a message to reset a password needs its reset'),
    (format($$ insert into app.messages
        (event_id, user_id, kind, channel, consultation_id, send_at)
        values (1, pg_temp.id_of('patient'), 'booked', 'email', %L, app.clock()) $$,
        :'consultation'), '23514', 'a message about a consultation needs its start'),
    ($$ insert into app.messages (event_id, user_id, kind, channel, send_at)
        values (1, gen_random_uuid(), 'new_device', 'email', app.clock()) $$, '23503',
     'a recipient who does not exist is refused'),
    ($$ insert into app.messages
        (event_id, user_id, kind, channel, consultation_id, starts_at, send_at)
        values (1, pg_temp.id_of('patient'), 'booked', 'email', app.uuid_v7(), app.clock(),
            app.clock()) $$, '23503', 'a consultation that does not exist is refused'),
    ($$ insert into app.messages
        (event_id, user_id, kind, channel, email_verification_id, send_at)
        values (1, pg_temp.id_of('patient'), 'email_verification', 'email', app.uuid_v7(),
            app.clock()) $$, '23503', 'a verification that does not exist is refused'),
    ($$ insert into app.messages (event_id, user_id, kind, channel, password_reset_id, send_at)
        values (1, pg_temp.id_of('patient'), 'password_reset', 'email', app.uuid_v7(),
            app.clock()) $$, '23503', 'a password reset that does not exist is refused'),
    ('delete from app.messages', 'TM912', 'a message that is not settled cannot be deleted'),
    ('truncate app.messages cascade', 'TM912', 'the messages cannot be truncated'))
    as v (statement, code, sentence);

-- What may change, one step after the other
select is(
    pg_temp.refusal('nobody', format(
        'update app.messages set %s where id = %L', v.change, :'booked')),
    v.refusal, 'messages: ' || v.sentence)
from (values
    ('event_id = event_id + 1', 'TM912', 'a message keeps its event'),
    ('user_id = pg_temp.id_of(''doctor'')', 'TM912', 'a message keeps its recipient'),
    ('kind = ''cancelled''', 'TM912', 'a message keeps its kind'),
    ('starts_at = starts_at + interval ''1 hour''', 'TM912', 'a message keeps the start it names'),
    ('status = ''sent'', settled_at = app.clock()', 'TM912',
     'a message that no worker has cannot be sent'),
    ('status = ''sending'', lease_ends_at = app.clock()', 'TM912',
     'an attempt needs the next number'),
    ('attempt = attempt + 1', 'TM912', 'a number without an attempt is refused'),
    ('lease_ends_at = app.clock()', '23514', 'a message that no worker has has no lease'),
    ('status = ''skipped'', settled_at = app.clock()', '23514',
     'a skipped message needs a reason'),
    ('status = ''failed'', reason = ''refused''', '23514',
     'a failed message needs the time at which it was settled'),
    ('send_at = send_at + interval ''1 minute''', null, 'a message can be put off'),
    ('status = ''sending'', attempt = 1, lease_ends_at = app.clock()', null,
     'a message can be claimed'),
    ('attempt = 2, language = ''english''', '23514', 'a language is a language tag'),
    ('status = ''failed'', reason = ''refused'', lease_ends_at = null, settled_at = app.clock()', null,
     'a message can fail'),
    ('status = ''skipped'', reason = ''cancelled''', 'TM912', 'a failed message is not skipped'),
    ('status = ''pending'', reason = null, settled_at = null', null,
     'a failed message can be tried again'),
    ('status = ''sending'', attempt = 2, lease_ends_at = app.clock()', null,
     'a message can be claimed once more'),
    ('status = ''sent'', lease_ends_at = null, settled_at = app.clock()', null,
     'a message that a worker has can be sent'),
    ('status = ''pending'', settled_at = null', 'TM912', 'a sent message stays sent'))
    as v (change, refusal, sentence);

-- Tokens
select app.make_message_token(:'verification') as token \gset
select is(
    (app.subject_of_token(sha256(convert_to(:'token', 'UTF8')))).id, :'verification'::uuid,
    'subject_of_token: the token leads to its message');
select is(
    (app.subject_of_token(sha256('another'))).id, null,
    'subject_of_token: an unknown token leads to none');
select matches(:'token'::text, '^[A-Za-z0-9_-]{43}$',
    'make_message_token: a token has 256 bits in base64url');
select isnt(app.make_message_token(:'verification'), :'token',
    'make_message_token: each attempt gets another token');
select is_empty(
    format($$ select from app.message_tokens as t where t::text like '%%' || %L || '%%' $$, :'token'),
    'make_message_token: the token itself is not stored');
select throws_ok(v.statement, v.code, null, 'message_tokens: ' || v.sentence)
from (values
    ('update app.message_tokens set issued_at = issued_at', 'TM912', 'a token cannot change'),
    ('delete from app.message_tokens', 'TM912', 'a token of the last 30 days cannot be deleted'),
    (format($$ insert into app.message_tokens values ('in clear', %L) $$, :'verification'),
     '23514', 'a token in clear is refused'),
    (format($$ insert into app.message_tokens values (sha256(%L), %L) $$, :'token', :'verification'),
     '23505', 'a token is stored once'),
    ($$ insert into app.message_tokens values (sha256('x'), app.uuid_v7()) $$,
     '23503', 'a token without a message is refused'))
    as v (statement, code, sentence);

select * from finish();
rollback;
