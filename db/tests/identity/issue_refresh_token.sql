begin;
\ir ../helpers/actors.psql
select plan(13);
reset role;

insert into app.sessions (user_id) values (pg_temp.id_of('doctor')) returning id as session \gset
select app.first_refresh_token() as first \gset
select * from app.issue_refresh_token(:'session', :'first') \gset
select collect_tap(
    is(:'user_id'::uuid, pg_temp.id_of('doctor'), 'a token comes with its user'),
    is(:'role'::text, 'doctor', 'their role'),
    is(:'session_id'::uuid, :'session', 'and its session'),
    is(:'expires_at'::timestamptz, '2027-02-03 08:00:00+00', 'with the end of the session'),
    is(:'refresh_token'::text, :'first', 'it is the one that was to be issued'),
    matches(:'refresh_token'::text, '^[A-Za-z0-9_-]{43}$', 'it is 256 bits in base64url'));
select is_empty(
    format($$ select token_hash from app.refresh_tokens where token_hash::text ~ %L $$, :'first'),
    'only its digest is kept');
select throws_ok(
    format('select app.issue_refresh_token(%L, app.first_refresh_token())', :'session'),
    '23505', null, 'there is no second token while the first can be used');

-- Its successor
select is(
    app.next_refresh_token(:'first'), app.next_refresh_token(:'first'),
    'a token has one successor');
select matches(
    app.next_refresh_token(:'first'), '^[A-Za-z0-9_-]{43}$', 'which is as long');
update app.secrets set value = extensions.gen_random_bytes(32) where name = 'next_refresh_token';
select isnt(
    app.next_refresh_token('a'), encode(sha256('a'), 'base64'), 'nobody can tell it without the key');
select throws_ok(
    'select app.issue_refresh_token(gen_random_uuid(), app.first_refresh_token())',
    '23503', null, 'no session, no token');
select is(
    (select count(distinct app.first_refresh_token()) from generate_series(1, 300)), 300::bigint,
    'no first token is made twice');

select * from finish();
rollback;
