begin;
\ir ../helpers/actors.psql
select plan(13);
reset role;

insert into app.sessions (user_id) values (pg_temp.id_of('doctor')) returning id as session \gset
select app.first_refresh_token() as first \gset
select * from app.issue_refresh_token(:'session', :'first') \gset
select collect_tap(
    is(:'user_id'::uuid, pg_temp.id_of('doctor'),
        'issue_refresh_token: the answer names the user of the session'),
    is(:'role'::text, 'doctor', 'issue_refresh_token: the answer names the role of the user'),
    is(:'session_id'::uuid, :'session', 'issue_refresh_token: the answer names the session'),
    is(:'expires_at'::timestamptz, '2027-02-03 08:00:00+00',
        'issue_refresh_token: the answer has the end of the session'),
    is(:'refresh_token'::text, :'first',
        'issue_refresh_token: the answer has the given refresh token'),
    matches(:'refresh_token'::text, '^[A-Za-z0-9_-]{43}$',
        'issue_refresh_token: the refresh token is 256 bits in base64url'));
select is_empty(
    format($$ select token_hash from app.refresh_tokens where token_hash::text ~ %L $$, :'first'),
    'issue_refresh_token: the refresh token itself is not stored');
select throws_ok(
    format('select app.issue_refresh_token(%L, app.first_refresh_token())', :'session'),
    '23505', null, 'issue_refresh_token: a second unspent refresh token of a session is refused');

-- The successor
select is(
    app.next_refresh_token(:'first'), app.next_refresh_token(:'first'),
    'next_refresh_token: a refresh token always has the same successor');
select matches(
    app.next_refresh_token(:'first'), '^[A-Za-z0-9_-]{43}$',
    'next_refresh_token: the successor is 256 bits in base64url');
select app.next_refresh_token('a') as with_first_key \gset
update app.secrets set value = extensions.gen_random_bytes(32) where name = 'next_refresh_token';
select isnt(
    app.next_refresh_token('a'), :'with_first_key',
    'next_refresh_token: the successor depends on a secret key of the database');
select throws_ok(
    'select app.issue_refresh_token(gen_random_uuid(), app.first_refresh_token())',
    '23503', null, 'issue_refresh_token: a session that does not exist is refused');
select is(
    (select count(distinct app.first_refresh_token()) from generate_series(1, 300)), 300::bigint,
    'first_refresh_token: no two of 300 refresh tokens are equal');

select * from finish();
rollback;
