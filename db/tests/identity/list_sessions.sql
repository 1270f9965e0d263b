begin;
\ir ../helpers/actors.psql
select plan(19);

select '$2b$04$' || repeat('a', 53) as hash \gset
select pg_temp.sign_in('patient');
select is_empty('select id from api.list_sessions()', 'who has logged in nowhere sees nothing');
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
    'a patient sees where they are logged in, and nobody else''s sessions')
from api.list_sessions() as s;
select collect_tap(
    is(s.created_at, '2027-01-04 08:00:00+00', 'with when they logged in'),
    is(s.expires_at, '2027-02-03 08:00:00+00', 'when it ends'),
    is(s.last_used_at, '2027-01-05 10:00:00+00', 'when it was last refreshed'),
    is(s.is_current, false, 'and that it is not this one'))
from api.list_sessions() as s where s.id = :'first';
select is(s.last_used_at, '2027-01-04 08:00:00+00', 'one that was never refreshed was used at log-in')
from api.list_sessions() as s where s.id = :'second';
reset role;
select pg_temp.new_session('patient') as current \gset
set local role telemed_api;
select pg_temp.in_session(:'current');
select results_eq(
    'select s.id from api.list_sessions() as s where s.is_current',
    format('select %L::uuid', :'current'), 'the session that asks is the current one');
select is(
    s.last_used_at, '2027-01-05 10:00:00+00', 'a session without a token was used when it began')
from api.list_sessions() as s where s.id = :'current';

-- What is over
select pg_temp.sign_in('patient');
select lives_ok(format('select api.log_out(%L)', :'current'), 'a patient logs out');
reset role;
update app.sessions set created_at = '2026-01-01', expires_at = '2027-01-05 10:00:00+00'
where id = :'second';
set local role telemed_api;
select is(
    array_agg(s.id), array[:'first', :'third']::uuid[],
    'sessions that were ended, or have ended by themselves, are not there')
from api.list_sessions() as s;

-- Page by page
select is(
    pg_temp.all_pages(format('api.list_sessions(p_limit => %s, p_cursor => %%L)', n)),
    array[:'first', :'third']::text[], 'pages of ' || n || ' show everything once')
from unnest(array[1, 2, 1000]) as n;
select is(
    pg_temp.refusal('patient', format('select api.list_sessions(p_limit => %L)', v.n)),
    'TM201 limit', v.sentence)
from (values
    (0, 'a page of nothing is refused'),
    (1001, 'a page has at most 1000 rows'),
    (null, 'a page has an end')
) as v (n, sentence);

-- Who may not
select is(
    pg_temp.refusal('nobody', 'select api.list_sessions()'), 'TM101',
    'nobody has sessions without signing in');
select pg_temp.sign_in('doctor');
select is_empty(
    'select id from api.list_sessions()', 'a doctor who never logged in has none either');

select * from finish();
rollback;
