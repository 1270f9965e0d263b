begin;
\ir ../helpers/actors.psql
select plan(24);
reset role;

select pg_temp.id_of('patient') as patient \gset
update app.users set mfa_secret = 'a secret', mfa_confirmed_at = app.clock()
where id = :'patient';
insert into app.recovery_codes (user_id, code_hash) values (:'patient', sha256('first'))
returning id as first \gset
insert into app.recovery_codes (user_id, code_hash, spent_at)
values (:'patient', sha256('spent'), app.clock()) returning id as spent \gset
insert into app.recovery_codes (user_id, code_hash)
values (pg_temp.id_of('doctor'), sha256('first')) returning id as foreign \gset

select collect_tap(
    is(c.issued_at::timestamptz, '2027-01-04 08:00:00+00', 'A recovery code is issued now'),
    is(c.spent_at::timestamptz, null, 'A new recovery code is unspent'))
from app.recovery_codes as c where c.id = :'first';
select throws_ok(
    format('insert into app.recovery_codes (user_id, code_hash) values (%s, %s)', v.id, v.hash),
    v.code, null, v.sentence)
from (values
    (quote_literal(:'patient'), 'sha256(''first'')', '23505',
     'A second recovery code with the same hash is refused for the same user'),
    (quote_literal(:'patient'), '''a code in clear''', '23514',
     'A recovery code in clear is refused'),
    (quote_literal(:'patient'), 'null', '23502', 'A null hash is refused'),
    ('gen_random_uuid()', 'sha256(''second'')', '23503',
     'A recovery code of a user who does not exist is refused'),
    ('null', 'sha256(''second'')', '23502',
     'A recovery code without a user is refused')) as v (id, hash, code, sentence);

-- A code is spent once
select is(
    pg_temp.refusal('nobody', format(
        'update app.recovery_codes set %s where id = %L',
        v.change, case v.code when 'first' then :'first' else :'spent' end)),
    v.refusal, v.sentence)
from (values
    ('first', 'code_hash = sha256(''other'')', 'TM912', 'An unspent recovery code keeps its hash'),
    ('first', 'code_hash = sha256(''other''), spent_at = app.clock()', 'TM912',
     'A recovery code keeps its hash when it is spent'),
    ('first', format('user_id = %L, spent_at = app.clock()', pg_temp.id_of('doctor')), 'TM912',
     'A recovery code keeps its user when it is spent'),
    ('first', 'issued_at = app.clock()', 'TM912',
     'An unspent recovery code keeps its time of issue'),
    ('first', 'spent_at = ''infinity''', '23514',
     'A recovery code that is spent at infinity is refused'),
    ('first', 'spent_at = app.clock()', null, 'A recovery code can be spent'),
    ('first', 'spent_at = null', 'TM912', 'A spent recovery code cannot become unspent'),
    ('spent', 'spent_at = null', 'TM912',
     'A recovery code that was stored as spent cannot become unspent'),
    ('spent', 'spent_at = spent_at', 'TM912', 'A spent recovery code cannot be spent again'))
    as v (code, change, refusal, sentence);
select throws_ok(
    'delete from app.recovery_codes', 'TM912', null, 'A recovery code cannot be deleted');
select throws_ok(
    'truncate app.recovery_codes', 'TM912', null, 'The recovery codes cannot be truncated');

-- The removal of the second factor
insert into app.recovery_codes (user_id, code_hash) values (:'patient', sha256('third'))
returning id as third \gset
insert into app.sessions (user_id, second_factor_at) values (:'patient', app.clock())
returning id as session \gset
update app.users set mfa_secret = null, mfa_confirmed_at = null where id = :'patient';
select is_empty(
    format('select id from app.recovery_codes where user_id = %L and spent_at is null', :'patient'),
    'The removal of a second factor spends the recovery codes of the user');
select is(s.second_factor_at::timestamptz, null,
    'The removal of a second factor takes it from the sessions of the user')
from app.sessions as s where s.id = :'session';
select is(c.spent_at::timestamptz, null,
    'The removal of a second factor leaves the recovery codes of other users')
from app.recovery_codes as c where c.id = :'foreign';

-- The audit log
select is(
    array_agg(l.operation order by l.id), '{INSERT,UPDATE}',
    'The audit log has the issue and the use of a recovery code')
from app.audit_logs as l where l.table_name = 'recovery_codes' and l.row_id = :'first';
select is_empty(
    $$
    select id from app.audit_logs
    where table_name = 'recovery_codes'
      and (coalesce(old, '{}') || coalesce(new, '{}')) ? 'code_hash'
    $$,
    'The audit log does not hold the hash of a recovery code');
set local role telemed_api;
select throws_ok(
    'select * from app.recovery_codes', '42501', null, 'The REST API cannot read recovery codes');

select * from finish();
rollback;
