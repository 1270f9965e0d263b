begin;
\ir ../helpers/actors.psql
select plan(13);
reset role;

select pg_temp.id_of('patient') as patient \gset
create temp table code on commit drop as
select c.code from unnest(app.issue_recovery_codes(:'patient')) as c (code);

select is((select count(*) from code), 10::bigint,
    'issue_recovery_codes: there are ten recovery codes');
select is((select count(distinct c.code) from code as c), 10::bigint,
    'issue_recovery_codes: the ten recovery codes differ');
select is_empty(
    $$ select code from code where code !~ '^[a-z2-7]{6}(-[a-z2-7]{6}){3}$' $$,
    'issue_recovery_codes: a recovery code is four groups of six characters of base32');
select results_eq(
    format('select code_hash from app.recovery_codes where user_id = %L order by 1', :'patient'),
    'select app.recovery_code_hash(code) from code order by 1',
    'issue_recovery_codes: the hashes of the recovery codes are stored');
select is_empty(
    'select l.id from app.audit_logs as l, code as c where position(c.code in concat(l.new)) > 0',
    'issue_recovery_codes: the audit log does not hold a recovery code');

select is(
    app.recovery_code_hash(v.code), sha256('abcdefghijklmnopqrstuvwx'), v.sentence)
from (values
    ('abcdef-ghijkl-mnopqr-stuvwx', 'recovery_code_hash: hyphens in a recovery code do not matter'),
    ('abcdef ghijkl mnopqr stuvwx', 'recovery_code_hash: spaces in a recovery code do not matter'),
    ('abcdefghijklmnopqrstuvwx',
     'recovery_code_hash: a recovery code without hyphens has the same hash'),
    ('ABCDEF-GHIJKL-MNOPQR-STUVWX',
     'recovery_code_hash: the case of a recovery code does not matter')) as v (code, sentence);
select is(app.recovery_code_hash(null), null, 'recovery_code_hash: the hash of null is null');

-- Ten new codes
select app.issue_recovery_codes(:'patient') as more \gset
select is(
    (select count(*) from app.recovery_codes where user_id = :'patient' and spent_at is null),
    10::bigint, 'issue_recovery_codes: a user never has more than ten unspent recovery codes');
select is_empty(
    'select c.code from code as c inner join app.recovery_codes as r '
    'on r.code_hash = app.recovery_code_hash(c.code) where r.spent_at is null',
    'issue_recovery_codes: new recovery codes replace the earlier ones');

set local role telemed_api;
select throws_ok(
    format('select app.issue_recovery_codes(%L)', :'patient'),
    '42501', null, 'issue_recovery_codes: the REST API cannot call it');

select * from finish();
rollback;
