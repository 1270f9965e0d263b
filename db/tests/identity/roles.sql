begin;
\ir ../helpers/one_at_a_time.psql
select plan(9);

select is(
    (select array_agg(r.name::text order by r.name) from app.roles as r), '{admin,doctor,patient}',
    'Every role has a row that says whether it requires a second factor');
select is(
    (select pg_get_expr(d.adbin, d.adrelid) from pg_attrdef as d
     where d.adrelid = 'app.roles'::regclass and d.adnum = 2),
    'true', 'A role requires a second factor by default');
select throws_ok(
    format('insert into app.roles (name) values (%L)', v.name), v.code, null, v.sentence)
from (values
    ('owner', '23514', 'A role that users cannot have is refused'),
    ('patient', '23505', 'A second row of the same role is refused')) as v (name, code, sentence);
select throws_ok(
    'delete from app.roles', 'TM912', null, 'A role cannot be deleted');
select throws_ok('truncate app.roles', 'TM912', null, 'The roles cannot be truncated');

update app.roles set second_factor_required = not second_factor_required where name = 'patient';
select results_eq(
    $$
    select l.old ->> 'second_factor_required', l.new ->> 'second_factor_required'
    from app.audit_logs as l
    where l.table_name = 'roles' and l.row_id = 'patient' and l.operation = 'UPDATE'
    order by l.id desc limit 1
    $$,
    $$
    select (not r.second_factor_required)::text, r.second_factor_required::text
    from app.roles as r where r.name = 'patient'
    $$,
    'The audit log has a change of whether a role requires a second factor');

set local role telemed_owner;
select is_empty('select * from app.roles', 'The owner sees no role');
reset role;
set local role telemed_api;
select throws_ok('select * from app.roles', '42501', null, 'The REST API cannot read the roles');
reset role;

select * from finish();
rollback;
