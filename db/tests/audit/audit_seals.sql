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

-- The constraints of a seal
select throws_ok('select pg_temp.seal(' || v.arguments || ')', '23514', null, v.sentence)
from (values
    ('p_id => 0', 'audit_seals: a seal with the id 0 is rejected'),
    ($$ p_kind => 'other', p_after => 10 $$, 'audit_seals: a seal of an unknown kind is rejected'),
    ($$ p_month => '2027-01-02' $$,
     'audit_seals: a month that is not the first day of a month is rejected'),
    ('p_after => 10', 'audit_seals: a seal of rows with an empty range of ids is rejected'),
    ($$ p_kind => 'retirement' $$, 'audit_seals: a retirement with a range of ids is rejected'),
    ('p_after => -1', 'audit_seals: a range that begins below zero is rejected'),
    ('p_rows => -1', 'audit_seals: a negative row count is rejected'),
    ($$ p_digest => 'short' $$, 'audit_seals: a digest that does not have 32 bytes is rejected'))
    as v (arguments, sentence);
select lives_ok('select pg_temp.seal()',
    'audit_seals: a seal of rows with a range of ids is accepted');
select throws_ok('select pg_temp.seal()', '23505', null,
    'audit_seals: a second seal with the same id is rejected');
select throws_ok(
    'update app.audit_seals set row_count = 4', 'TM912', null,
    'audit_seals: a seal cannot be updated');
select throws_ok('delete from app.audit_seals', 'TM912', null,
    'audit_seals: a seal cannot be deleted');
select throws_ok('truncate app.audit_seals', 'TM912', null,
    'audit_seals: the table cannot be truncated');

-- The chain
set local role telemed_internal;
select app.append_audit_seal('rows', '2027-02-01', 10, 20, 5, sha256('c')) \g /dev/null
reset role;
select collect_tap(
    is(s.id, 2::bigint, 'append_audit_seal: the next seal has the next id'),
    is(s.previous_hash, sha256('b'),
        'append_audit_seal: a seal has the hash of the seal before it'),
    is(s.hash, app.audit_seal_hash(s), 'append_audit_seal: a seal has its own hash'),
    is(s.database_login, session_user,
        'append_audit_seal: a seal has the database login that made it'),
    is(app.audit_seal_hash(s), sha256(convert_to(format(
        '[2, "rows", "2027-02-01", 10, 20, 5, "%s", %s, "%s", "%s"]',
        encode(sha256('c'), 'hex'), (extract(epoch from s.sealed_at) * 1000000)::bigint,
        session_user, encode(sha256('b'), 'hex')), 'UTF8')),
        'audit_seal_hash: the hash is the SHA-256 of all other columns in their order'))
from app.audit_seals as s where s.id = 2;

set local role telemed_auditor;
select is(
    (select s.hash from ops.audit_seals as s where s.id = 1), encode(sha256('b'), 'hex'),
    'an auditor can read ops.audit_seals');
set local role telemed_owner;
select is_empty('select * from app.audit_seals',
    'audit_seals: row-level security hides every seal from the owner of the table');
set local role telemed_api;
select throws_ok('select * from ops.audit_seals', '42501', null,
    'the REST API cannot read ops.audit_seals');

select * from finish();
rollback;
