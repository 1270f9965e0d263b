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
    is(c.issued_at::timestamptz, '2027-01-04 08:00:00+00', 'a recovery code is issued now'),
    is(c.spent_at::timestamptz, null, 'and can be used'))
from app.recovery_codes as c where c.id = :'first';
select throws_ok(
    format('insert into app.recovery_codes (user_id, code_hash) values (%s, %s)', v.id, v.hash),
    v.code, null, v.sentence)
from (values
    (quote_literal(:'patient'), 'sha256(''first'')', '23505', 'a user has each code once'),
    (quote_literal(:'patient'), '''a code in clear''', '23514', 'a code is not stored in clear'),
    (quote_literal(:'patient'), 'null', '23502', 'nor is none at all'),
    ('gen_random_uuid()', 'sha256(''second'')', '23503', 'a code is somebody''s'),
    ('null', 'sha256(''second'')', '23502', 'always')) as v (id, hash, code, sentence);

-- A code is spent once
select is(
    pg_temp.refusal('nobody', format(
        'update app.recovery_codes set %s where id = %L',
        v.change, case v.code when 'first' then :'first' else :'spent' end)),
    v.refusal, v.sentence)
from (values
    ('first', 'code_hash = sha256(''other'')', 'TM912', 'a code is not exchanged for another'),
    ('first', 'code_hash = sha256(''other''), spent_at = app.clock()', 'TM912',
     'not while it is spent either'),
    ('first', format('user_id = %L, spent_at = app.clock()', pg_temp.id_of('doctor')), 'TM912',
     'it does not become another user''s'),
    ('first', 'issued_at = app.clock()', 'TM912', 'an unspent code stays as it is'),
    ('first', 'spent_at = ''infinity''', '23514', 'a code is spent some day'),
    ('first', 'spent_at = app.clock()', null, 'a code is spent'),
    ('first', 'spent_at = null', 'TM912', 'a spent code cannot be used again'),
    ('spent', 'spent_at = null', 'TM912', 'nor can one that was stored as spent'),
    ('spent', 'spent_at = spent_at', 'TM912', 'it is not even spent twice'))
    as v (code, change, refusal, sentence);
select throws_ok(
    'delete from app.recovery_codes', 'TM912', null, 'codes are spent, never deleted');
select throws_ok(
    'truncate app.recovery_codes', 'TM912', null, 'nor are all of them at once');

-- With the second factor
insert into app.recovery_codes (user_id, code_hash) values (:'patient', sha256('third'))
returning id as third \gset
insert into app.sessions (user_id, second_factor_at) values (:'patient', app.clock())
returning id as session \gset
update app.users set mfa_secret = null, mfa_confirmed_at = null where id = :'patient';
select is_empty(
    format('select id from app.recovery_codes where user_id = %L and spent_at is null', :'patient'),
    'with a second factor go its recovery codes');
select is(s.second_factor_at::timestamptz, null, 'no session rests on it any more')
from app.sessions as s where s.id = :'session';
select is(c.spent_at::timestamptz, null, 'those of others stay')
from app.recovery_codes as c where c.id = :'foreign';

-- The trail
select is(
    array_agg(l.operation order by l.id), '{INSERT,UPDATE}',
    'the beginning and the use of a code leave traces')
from app.audit_logs as l where l.table_name = 'recovery_codes' and l.row_id = :'first';
select is_empty(
    $$
    select id from app.audit_logs
    where table_name = 'recovery_codes'
      and (coalesce(old, '{}') || coalesce(new, '{}')) ? 'code_hash'
    $$,
    'that do not even tell its hash');
set local role telemed_api;
select throws_ok(
    'select * from app.recovery_codes', '42501', null, 'clients cannot read codes');

select * from finish();
rollback;
