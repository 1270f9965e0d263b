begin;
\ir ../helpers/actors.psql
select plan(13);
reset role;

select pg_temp.id_of('patient') as patient \gset
create temp table code on commit drop as
select c.code from unnest(app.issue_recovery_codes(:'patient')) as c (code);

select is((select count(*) from code), 10::bigint, 'there are ten recovery codes');
select is((select count(distinct c.code) from code as c), 10::bigint, 'no two of them are the same');
select is_empty(
    $$ select code from code where code !~ '^[a-z2-7]{6}(-[a-z2-7]{6}){3}$' $$,
    'each is 120 bits that people can type');
select results_eq(
    format('select code_hash from app.recovery_codes where user_id = %L order by 1', :'patient'),
    'select app.recovery_code_hash(code) from code order by 1', 'their hashes are stored');
select is_empty(
    'select l.id from app.audit_logs as l, code as c where position(c.code in concat(l.new)) > 0',
    'no trail has one in it');

select is(
    app.recovery_code_hash(v.code), sha256('abcdefghijklmnopqrstuvwx'), v.sentence)
from (values
    ('abcdef-ghijkl-mnopqr-stuvwx', 'hyphens are for people'),
    ('abcdef ghijkl mnopqr stuvwx', 'spaces are, too'),
    ('abcdefghijklmnopqrstuvwx', 'none are needed'),
    ('ABCDEF-GHIJKL-MNOPQR-STUVWX', 'nor are small letters')) as v (code, sentence);
select is(app.recovery_code_hash(null), null, 'no code has no hash');

-- Ten more
select app.issue_recovery_codes(:'patient') as more \gset
select is(
    (select count(*) from app.recovery_codes where user_id = :'patient' and spent_at is null),
    10::bigint, 'there are never more than ten that can be used');
select is_empty(
    'select c.code from code as c inner join app.recovery_codes as r '
    'on r.code_hash = app.recovery_code_hash(c.code) where r.spent_at is null',
    'new codes take the place of those before them');

set local role telemed_api;
select throws_ok(
    format('select app.issue_recovery_codes(%L)', :'patient'),
    '42501', null, 'clients do not give them to whom they like');

select * from finish();
rollback;
