begin;
\ir ../helpers/actors.psql
select plan(21);
reset role;

create function pg_temp.seal(
    p_id bigint default 1, p_kind text default 'rows', p_month date default '2027-01-01',
    p_after bigint default 0, p_last bigint default 10, p_rows bigint default 3,
    p_digest bytea default sha256(''))
returns void language sql
as $$
    insert into app.audit_seals
    values (p_id, p_kind, p_month, p_after, p_last, p_rows, p_digest, now(), 'somebody',
        sha256('a'), sha256('b'))
$$;

-- What a seal can be
select throws_ok('select pg_temp.seal(' || v.arguments || ')', '23514', null, v.sentence)
from (values
    ('p_id => 0', 'seals are numbered from 1'),
    ($$ p_kind => 'other', p_after => 10 $$, 'a seal is of rows, or of their retirement'),
    ($$ p_month => '2027-01-02' $$, 'a month is its first day'),
    ('p_after => 10', 'a range has an end after its beginning'),
    ($$ p_kind => 'retirement' $$, 'a retirement has no range'),
    ('p_after => -1', 'no id is negative'),
    ('p_rows => -1', 'nor is a number of rows'),
    ($$ p_digest => 'short' $$, 'a digest is a SHA-256')) as v (arguments, sentence);
select lives_ok('select pg_temp.seal()', 'a seal closes a range');
select throws_ok('select pg_temp.seal()', '23505', null, 'under a number of its own');
select throws_ok(
    'update app.audit_seals set row_count = 4', 'TM912', null, 'a seal is never changed');
select throws_ok('delete from app.audit_seals', 'TM912', null, 'never deleted');
select throws_ok('truncate app.audit_seals', 'TM912', null, 'nor are all of them at once');

-- The chain
set local role telemed_internal;
select app.append_audit_seal('rows', '2027-02-01', 10, 20, 5, sha256('c')) \g /dev/null
reset role;
select collect_tap(
    is(s.id, 2::bigint, 'the next seal has the next number'),
    is(s.previous_hash, sha256('b'), 'and the hash of the one before'),
    is(s.hash, app.audit_seal_hash(s), 'beside its own'),
    is(s.database_login, session_user, 'and the login that made it'),
    is(app.audit_seal_hash(s), sha256(convert_to(format(
        '[2, "rows", "2027-02-01", 10, 20, 5, "%s", %s, "%s", "%s"]',
        encode(sha256('c'), 'hex'), (extract(epoch from s.sealed_at) * 1000000)::bigint,
        session_user, encode(sha256('b'), 'hex')), 'UTF8')),
        'a hash is the SHA-256 of all of that, in its order'))
from app.audit_seals as s where s.id = 2;

set local role telemed_auditor;
select is(
    (select s.hash from ops.audit_seals as s where s.id = 1), encode(sha256('b'), 'hex'),
    'an auditor reads them');
set local role telemed_owner;
select is_empty('select * from app.audit_seals', 'the owner of the tables does not');
set local role telemed_api;
select throws_ok('select * from ops.audit_seals', '42501', null, 'nor does the REST API');

select * from finish();
rollback;
