begin;
select plan(13);

select coalesce(max(id), 0) as last_id from app.audit_logs \gset
set local role telemed_dba;
select is(
    ops.require_second_factor('{doctor,admin}'), '{admin,doctor}', 'roles come to require one');
select is(ops.require_second_factor('{patient}'), '{patient}', 'which others then do not');
select is(ops.require_second_factor('{}'), '{}', 'or none does');
select is(
    ops.require_second_factor('{doctor,doctor}'), '{doctor}', 'to say it twice makes no difference');
select throws_ok(
    format('select ops.require_second_factor(%L)', v.roles), 'TM201', null, v.sentence)
from (values
    ('{doctor,nurse}', 'a role that nobody has is refused'),
    ('{Doctor}', 'so is one in capital letters'),
    ('{null}', 'and a missing one'),
    ('{{1,2},{3,4}}', 'and a table of them'),
    (null, 'and a missing list')) as v (roles, sentence);
reset role;
select is(
    (select array_agg(r.name::text) from app.roles as r where r.second_factor_required), '{doctor}',
    'a refusal changes nothing');
select is(
    (select count(*) from app.audit_logs as l
     where l.table_name = 'roles' and l.row_id = 'patient' and l.id > :last_id),
    2::bigint, 'each change leaves a trace');
select is(l.database_login, session_user, 'of whoever made it')
from app.audit_logs as l where l.table_name = 'roles' order by l.id desc limit 1;
set local role telemed_api;
select throws_ok(
    $$ select ops.require_second_factor('{}') $$, '42501', null, 'the REST API does not say');

reset role;
select * from finish();
rollback;
