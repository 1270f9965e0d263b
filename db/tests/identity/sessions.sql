begin;
\ir ../helpers/actors.psql
select plan(34);
reset role;

select pg_temp.id_of('patient') as patient \gset
insert into app.sessions (user_id) values (:'patient') returning id as session \gset

select collect_tap(
    is(s.created_at::timestamptz, '2027-01-04 08:00:00+00', 'a session begins now'),
    is(s.expires_at::timestamptz, '2027-02-03 08:00:00+00', 'and ends after 30 days'),
    is(s.revoked_at::timestamptz, null, 'unless it is revoked'),
    is(s.second_factor_at::timestamptz, null, 'it is begun with a password alone'),
    is(s.wrong_codes, 0, 'and has brought no wrong code'))
from app.sessions as s where s.id = :'session';
select lives_ok(
    format('insert into app.sessions (user_id) values (%L)', :'patient'),
    'a user may have several sessions');
select throws_ok(
    'insert into app.sessions (user_id) values (gen_random_uuid())',
    '23503', null, 'a session has a user');
select throws_ok(
    format('update app.sessions set expires_at = created_at where id = %L', :'session'),
    '23514', null, 'a session ends after it begins');
select throws_ok(
    format($$ update app.sessions set expires_at = 'infinity' where id = %L $$, :'session'),
    '23514', null, 'a session does not last for ever');

-- Refresh tokens
select lives_ok(
    format(
        $$ insert into app.refresh_tokens (token_hash, session_id) values (sha256('first'), %L) $$,
        :'session'),
    'a session has a refresh token');
select throws_ok(
    format(
        $$ insert into app.refresh_tokens (token_hash, session_id) values (sha256('second'), %L) $$,
        :'session'),
    '23505', null, 'but not two that can be used');
select lives_ok(
    format(
        $$
        insert into app.refresh_tokens (token_hash, session_id, spent_at)
        values (sha256('spent'), %L, app.clock())
        $$, :'session'),
    'a spent one may stand beside it');
select throws_ok(
    format(
        $$
        insert into app.refresh_tokens (token_hash, session_id, spent_at)
        values (sha256('first'), %L, app.clock())
        $$, :'session'),
    '23505', null, 'a token is issued once');
select throws_ok(
    format(
        $$
        insert into app.refresh_tokens (token_hash, session_id, spent_at)
        values ('a token in clear', %L, app.clock())
        $$, :'session'),
    '23514', null, 'a token is not stored in clear');
select throws_ok(
    $$
    insert into app.refresh_tokens (token_hash, session_id)
    values (sha256('third'), gen_random_uuid())
    $$,
    '23503', null, 'a token has a session');
select throws_ok(
    format('delete from app.sessions where id = %L', :'session'),
    '23503', null, 'a session with tokens is not deleted');

-- A token is spent once
select is(
    pg_temp.refusal('nobody', format(
        'update app.refresh_tokens set %s where token_hash = sha256(%L)', v.change, v.token)),
    v.refusal, v.sentence)
from (values
    ('first', 'token_hash = sha256(''other'')', 'TM912', 'a token is not exchanged for another'),
    ('first', 'token_hash = sha256(''other''), spent_at = app.clock()', 'TM912',
     'not while it is spent either'),
    ('first', 'session_id = gen_random_uuid(), spent_at = app.clock()', 'TM912',
     'it does not move to another session'),
    ('first', 'issued_at = app.clock()', 'TM912', 'an unspent token stays as it is'),
    ('first', 'spent_at = app.clock(), issued_at = app.clock() - interval ''1 day''', 'TM912',
     'and when it was issued stays true'),
    ('first', 'spent_at = ''infinity''', '23514', 'a token is spent some day'),
    ('first', 'spent_at = app.clock()', null, 'a token is spent'),
    ('first', 'spent_at = null', 'TM912', 'a spent token cannot be used again'),
    ('first', 'spent_at = spent_at + interval ''1 minute''', 'TM912',
     'when it was spent is not made up'),
    ('first', 'spent_at = spent_at', 'TM912', 'nor even said twice'),
    ('spent', 'spent_at = null', 'TM912', 'one that was stored as spent is not revived')
) as v (token, change, refusal, sentence);

-- The trail
select pg_temp.sign_in('patient');
update app.sessions set revoked_at = app.clock() where id = :'session';
delete from app.refresh_tokens where session_id = :'session';
delete from app.sessions where id = :'session';
select is(
    array_agg(l.operation order by l.id), '{INSERT,UPDATE,DELETE}',
    'begin, end and removal of a session leave traces')
from app.audit_logs as l where l.table_name = 'sessions' and l.row_id = :'session';
select collect_tap(
    is(l.old ->> 'revoked_at', null, 'the trace of its end has the session as it was'),
    isnt(l.new ->> 'revoked_at', null, 'and as it is'),
    is(l.user_id, pg_temp.id_of('patient'), 'with who ended it'))
from app.audit_logs as l
where l.table_name = 'sessions' and l.row_id = :'session' and l.operation = 'UPDATE';
select is_empty(
    $$ select id from app.audit_logs where table_name = 'refresh_tokens' $$,
    'no trail has a token, not even a hashed one');

-- What is over stays over
insert into app.sessions (user_id) values (pg_temp.id_of('patient')) returning id as ended \gset
update app.sessions set revoked_at = app.clock() where id = :'ended';
select throws_ok(
    format('update app.sessions set revoked_at = null where id = %L', :'ended'),
    'TM912', null, 'a session that was revoked is never in force again');
select lives_ok(
    format('update app.sessions set revoked_at = app.clock() where id = %L', :'ended'),
    'it may be revoked again');

select * from finish();
rollback;
