begin;
select plan(9);

select is(
    (select array_agg(r.name::text order by r.name) from app.roles as r), '{admin,doctor,patient}',
    'it is said of every role whether it requires a second factor');
select is(
    (select pg_get_expr(d.adbin, d.adrelid) from pg_attrdef as d
     where d.adrelid = 'app.roles'::regclass and d.adnum = 2),
    'true', 'a role requires one unless it is said that it does not');
select throws_ok(
    format('insert into app.roles (name) values (%L)', v.name), v.code, null, v.sentence)
from (values
    ('owner', '23514', 'there is no role that users cannot have'),
    ('patient', '23505', 'and none twice')) as v (name, code, sentence);
select throws_ok(
    'delete from app.roles', 'TM912', null, 'no role is removed');
select throws_ok('truncate app.roles', 'TM912', null, 'nor are all of them at once');

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
    'what is asked of a role leaves a trace when it changes');

set local role telemed_owner;
select is_empty('select * from app.roles', 'what is asked of a role is for internal functions');
reset role;
set local role telemed_api;
select throws_ok('select * from app.roles', '42501', null, 'clients do not read it');
reset role;

select * from finish();
rollback;
