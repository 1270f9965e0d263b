begin;
\ir ../helpers/actors.psql
select plan(9);
reset role;

insert into app.sessions (user_id) values (pg_temp.id_of('doctor')) returning id as session \gset
select * from app.issue_refresh_token(:'session') \gset
select collect_tap(
    is(:'user_id'::uuid, pg_temp.id_of('doctor'), 'a token comes with its user'),
    is(:'role'::text, 'doctor', 'their role'),
    is(:'session_id'::uuid, :'session', 'and its session'),
    is(:'expires_at'::timestamptz, '2027-02-03 08:00:00+00', 'with the end of the session'),
    matches(:'refresh_token'::text, '^[A-Za-z0-9_-]{43}$', 'it is 256 bits in base64url'));
select throws_ok(
    format('select app.issue_refresh_token(%L)', :'session'),
    '23505', null, 'there is no second token while the first can be used');
update app.refresh_tokens set spent_at = app.clock();
select isnt(t.refresh_token, :'refresh_token', 'the next token is another one')
from app.issue_refresh_token(:'session') as t;
select throws_ok(
    'select app.issue_refresh_token(gen_random_uuid())', '23503', null, 'no session, no token');

insert into app.sessions (user_id) select pg_temp.id_of('doctor') from generate_series(1, 300);
select is_empty(
    $$
    select t.refresh_token
    from app.sessions as s
    cross join lateral app.issue_refresh_token(s.id) as t
    where not exists (select from app.refresh_tokens as r where r.session_id = s.id)
      and t.refresh_token !~ '^[A-Za-z0-9_-]{43}$'
    $$,
    'no token needs to be escaped in a URL or a header');

select * from finish();
rollback;
