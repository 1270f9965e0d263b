begin;
\ir ../helpers/actors.psql
select plan(34);
reset role;

select pg_temp.id_of('patient') as patient \gset
insert into app.sessions (user_id) values (:'patient') returning id as session \gset

select collect_tap(
    is(s.created_at::timestamptz, '2027-01-04 08:00:00+00', 'A session begins now'),
    is(s.expires_at::timestamptz, '2027-02-03 08:00:00+00', 'A session lasts 30 days'),
    is(s.revoked_at::timestamptz, null, 'A new session is not revoked'),
    is(s.second_factor_at::timestamptz, null, 'A new session has no second factor by default'),
    is(s.wrong_codes, 0, 'A new session has counted no wrong code'))
from app.sessions as s where s.id = :'session';
select lives_ok(
    format('insert into app.sessions (user_id) values (%L)', :'patient'),
    'A user can have several sessions');
select throws_ok(
    'insert into app.sessions (user_id) values (gen_random_uuid())',
    '23503', null, 'A session of a user who does not exist is refused');
select throws_ok(
    format('update app.sessions set expires_at = created_at where id = %L', :'session'),
    '23514', null, 'A session that ends when it begins is refused');
select throws_ok(
    format($$ update app.sessions set expires_at = 'infinity' where id = %L $$, :'session'),
    '23514', null, 'A session that never ends is refused');

-- Refresh tokens
select lives_ok(
    format(
        $$ insert into app.refresh_tokens (token_hash, session_id) values (sha256('first'), %L) $$,
        :'session'),
    'A session can have a refresh token');
select throws_ok(
    format(
        $$ insert into app.refresh_tokens (token_hash, session_id) values (sha256('second'), %L) $$,
        :'session'),
    '23505', null, 'A second unspent refresh token of a session is refused');
select lives_ok(
    format(
        $$
        insert into app.refresh_tokens (token_hash, session_id, spent_at)
        values (sha256('spent'), %L, app.clock())
        $$, :'session'),
    'A spent refresh token beside an unspent one is accepted');
select throws_ok(
    format(
        $$
        insert into app.refresh_tokens (token_hash, session_id, spent_at)
        values (sha256('first'), %L, app.clock())
        $$, :'session'),
    '23505', null, 'A second refresh token with the same hash is refused');
select throws_ok(
    format(
        $$
        insert into app.refresh_tokens (token_hash, session_id, spent_at)
        values ('a token in clear', %L, app.clock())
        $$, :'session'),
    '23514', null, 'A refresh token in clear is refused');
select throws_ok(
    $$
    insert into app.refresh_tokens (token_hash, session_id)
    values (sha256('third'), gen_random_uuid())
    $$,
    '23503', null, 'A refresh token of a session that does not exist is refused');
select throws_ok(
    format('delete from app.sessions where id = %L', :'session'),
    '23503', null, 'A session with refresh tokens cannot be deleted');

-- A token is spent once
select is(
    pg_temp.refusal('nobody', format(
        'update app.refresh_tokens set %s where token_hash = sha256(%L)', v.change, v.token)),
    v.refusal, v.sentence)
from (values
    ('first', 'token_hash = sha256(''other'')', 'TM912', 'An unspent refresh token keeps its hash'),
    ('first', 'token_hash = sha256(''other''), spent_at = app.clock()', 'TM912',
     'A refresh token keeps its hash when it is spent'),
    ('first', 'session_id = gen_random_uuid(), spent_at = app.clock()', 'TM912',
     'A refresh token keeps its session when it is spent'),
    ('first', 'issued_at = app.clock()', 'TM912',
     'An unspent refresh token keeps its time of issue'),
    ('first', 'spent_at = app.clock(), issued_at = app.clock() - interval ''1 day''', 'TM912',
     'A refresh token keeps its time of issue when it is spent'),
    ('first', 'spent_at = ''infinity''', '23514',
     'A refresh token that is spent at infinity is refused'),
    ('first', 'spent_at = app.clock()', null, 'A refresh token can be spent'),
    ('first', 'spent_at = null', 'TM912', 'A spent refresh token cannot become unspent'),
    ('first', 'spent_at = spent_at + interval ''1 minute''', 'TM912',
     'A spent refresh token keeps the time at which it was spent'),
    ('first', 'spent_at = spent_at', 'TM912', 'A spent refresh token cannot be spent again'),
    ('spent', 'spent_at = null', 'TM912',
     'A refresh token that was stored as spent cannot become unspent')
) as v (token, change, refusal, sentence);

-- The audit log
select pg_temp.sign_in('patient');
update app.sessions set revoked_at = app.clock() where id = :'session';
delete from app.refresh_tokens where session_id = :'session';
delete from app.sessions where id = :'session';
select is(
    array_agg(l.operation order by l.id), '{INSERT,UPDATE,DELETE}',
    'The audit log has the beginning, the end and the removal of a session')
from app.audit_logs as l where l.table_name = 'sessions' and l.row_id = :'session';
select collect_tap(
    is(l.old ->> 'revoked_at', null, 'The audit log has the session before its end'),
    isnt(l.new ->> 'revoked_at', null, 'The audit log has the session after its end'),
    is(l.user_id, pg_temp.id_of('patient'), 'The audit log names the user who ended the session'))
from app.audit_logs as l
where l.table_name = 'sessions' and l.row_id = :'session' and l.operation = 'UPDATE';
select is_empty(
    $$ select id from app.audit_logs where table_name = 'refresh_tokens' $$,
    'The audit log does not hold refresh tokens');

-- A revoked session stays revoked
insert into app.sessions (user_id) values (pg_temp.id_of('patient')) returning id as ended \gset
update app.sessions set revoked_at = app.clock() where id = :'ended';
select throws_ok(
    format('update app.sessions set revoked_at = null where id = %L', :'ended'),
    'TM912', null, 'A revoked session cannot be in force again');
select lives_ok(
    format('update app.sessions set revoked_at = app.clock() where id = %L', :'ended'),
    'A revoked session can be revoked again');

select * from finish();
rollback;
