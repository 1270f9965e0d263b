begin;
\ir ../helpers/one_at_a_time.psql
select plan(13);

select coalesce(max(id), 0) as last_id from app.audit_logs \gset
set local role telemed_dba;
select is(
    ops.require_second_factor('{doctor,admin}'), '{admin,doctor}',
    'require_second_factor: the given roles require a second factor');
select is(ops.require_second_factor('{patient}'), '{patient}',
    'require_second_factor: roles that are not given stop requiring a second factor');
select is(ops.require_second_factor('{}'), '{}',
    'require_second_factor: an empty array ends the requirement for every role');
select is(
    ops.require_second_factor('{doctor,doctor}'), '{doctor}',
    'require_second_factor: a role that is given twice counts once');
select throws_ok(
    format('select ops.require_second_factor(%L)', v.roles), 'TM201', null, v.sentence)
from (values
    ('{doctor,nurse}', 'require_second_factor: an unknown role is refused'),
    ('{Doctor}', 'require_second_factor: a role in capital letters is refused'),
    ('{null}', 'require_second_factor: a null role is refused'),
    ('{{1,2},{3,4}}', 'require_second_factor: a two-dimensional array is refused'),
    (null, 'require_second_factor: a null array is refused')) as v (roles, sentence);
reset role;
select is(
    (select array_agg(r.name::text) from app.roles as r where r.second_factor_required), '{doctor}',
    'require_second_factor: a refused call changes no role');
select is(
    (select count(*) from app.audit_logs as l
     where l.table_name = 'roles' and l.row_id = 'patient' and l.id > :last_id),
    2::bigint, 'require_second_factor: the audit log has each change of a role');
select is(l.database_login, session_user,
    'require_second_factor: the audit log has the database login')
from app.audit_logs as l where l.table_name = 'roles' order by l.id desc limit 1;
set local role telemed_api;
select throws_ok(
    $$ select ops.require_second_factor('{}') $$, '42501', null,
    'require_second_factor: the REST API cannot call it');

reset role;
select * from finish();
rollback;
