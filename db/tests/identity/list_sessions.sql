begin;
\ir ../helpers/actors.psql
select plan(23);

select '$2b$04$' || repeat('a', 53) as hash \gset
select pg_temp.sign_in('patient');
select is_empty('select id from api.list_sessions()',
    'list_sessions: a user without a session gets an empty list');
select session_id as first, refresh_token as first_token
from api.log_in('patient@clinic.test', :'hash') \gset
select session_id as second from api.log_in('patient@clinic.test', :'hash') \gset
select session_id as third from api.log_in('patient@clinic.test', :'hash') \gset
select session_id as foreign_session from api.log_in('other_patient@clinic.test', :'hash') \gset
reset role;
select pg_temp.set_clock('2027-01-05 10:00:00+00');
set local role telemed_api;
select refresh_token from api.refresh_session(:'first_token') \gset

-- The permitted path
select pg_temp.sign_in('patient');
select is(
    array_agg(s.id), array[:'first', :'second', :'third']::uuid[],
    'list_sessions: a patient sees their own sessions and no others')
from api.list_sessions() as s;
select collect_tap(
    is(s.created_at, '2027-01-04 08:00:00+00',
        'list_sessions: the answer has the time of the log-in'),
    is(s.expires_at, '2027-02-03 08:00:00+00',
        'list_sessions: the answer has the end of the session'),
    is(s.last_used_at, '2027-01-05 10:00:00+00',
        'list_sessions: the answer has the time of the last refresh'),
    is(s.is_current, false,
        'list_sessions: a session that is not calling is not marked as current'))
from api.list_sessions() as s where s.id = :'first';
select is(s.last_used_at, '2027-01-04 08:00:00+00',
    'list_sessions: a session that was never refreshed was last used at its log-in')
from api.list_sessions() as s where s.id = :'second';
reset role;
select pg_temp.new_session('patient') as current \gset
set local role telemed_api;
select pg_temp.in_session(:'current');
select results_eq(
    'select s.id from api.list_sessions() as s where s.is_current',
    format('select %L::uuid', :'current'),
    'list_sessions: the calling session is marked as current');
select is(
    s.last_used_at, '2027-01-05 10:00:00+00',
    'list_sessions: a session without a refresh token was last used when it began')
from api.list_sessions() as s where s.id = :'current';

-- Sessions that have ended
select pg_temp.sign_in('patient');
select lives_ok(format('select api.log_out(%L)', :'current'),
    'log_out: a patient can log out of the calling session');
reset role;
update app.sessions set created_at = '2026-01-01', expires_at = '2027-01-05 10:00:00+00'
where id = :'second';
set local role telemed_api;
select is(
    array_agg(s.id), array[:'first', :'third']::uuid[],
    'list_sessions: sessions that were revoked or have expired are not listed')
from api.list_sessions() as s;

-- Pages
select is(
    pg_temp.all_pages(format('api.list_sessions(p_limit => %s, p_cursor => %%L)', n)),
    array[:'first', :'third']::text[], 'list_sessions: pages of length ' || n || ' have each session once')
from unnest(array[1, 2, 1000]) as n;
select is(
    pg_temp.refusal('patient', format('select api.list_sessions(p_limit => %L)', v.n)),
    'TM201 limit', v.sentence)
from (values
    (0, 'list_sessions: a limit of 0 rows is refused'),
    (1001, 'list_sessions: a limit of 1001 rows is refused'),
    (null, 'list_sessions: a null limit is refused')
) as v (n, sentence);

-- Callers without the right
select is(
    pg_temp.refusal('nobody', 'select api.list_sessions()'), 'TM101',
    'list_sessions: a caller who is not logged in is refused');
select pg_temp.sign_in('doctor');
select is_empty(
    'select id from api.list_sessions()',
    'list_sessions: a doctor without a session gets an empty list');

-- The other order
select pg_temp.sign_in('patient');
select is(
    pg_temp.all_pages(
        'api.list_sessions(p_order => ''-created_at'', p_limit => 1, p_cursor => %L)'),
    (select array_agg(r.id::text order by r.ordinality desc)
     from api.list_sessions(p_limit => 1000) with ordinality as r),
    'list_sessions: -created_at reverses the list');
select pg_temp.cursor_after(
    'patient', 'api.list_sessions(p_order => ''-created_at'', p_limit => 1)') as reversed
\gset
select is(
    pg_temp.refusal('patient', format(
        'select api.list_sessions(p_order => %L, p_cursor => %L)', v.in_order, v.cursor)),
    v.refusal, v.sentence)
from (values
    ('-created_at', :'reversed', null, 'list_sessions: a cursor is accepted in its own order'),
    ('created_at', :'reversed', 'TM201 cursor',
     'list_sessions: a cursor of the other order is refused'),
    ('id', null, 'TM201 order', 'list_sessions: an order that does not exist is refused')
) as v (in_order, cursor, refusal, sentence);

select * from finish();
rollback;
