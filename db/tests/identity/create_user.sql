begin;
\ir ../helpers/actors.psql
select plan(14);
reset role;

select app.uuid_v7() as new_user \gset
select app.create_user(
    :'new_user', 'new@clinic.test', '$2b$04$' || repeat('a', 53), 'New User', 'patient')
\g /dev/null
set local app.verified_role = 'admin';
select collect_tap(
    is(u.email, 'new@clinic.test', 'an account has its address'),
    is(u.role, 'patient', 'its role'),
    is(u.full_name, 'New User', 'and a profile with its name'))
from api.users as u where u.id = :'new_user';

select throws_ok(
    $$
    select app.create_user(
        app.uuid_v7(), 'New@Clinic.test', '$2b$04$' || repeat('a', 53), 'Again', 'patient')
    $$,
    'TM911', null, 'a registered address is refused, however it is written');
select app.create_user(
    app.uuid_v7(), 'josé@clinic.test', '$2b$04$' || repeat('a', 53), 'José', 'patient')
\g /dev/null
select throws_ok(
    format(
        'select app.create_user(app.uuid_v7(), %L, %L, %L, %L)', normalize('JOSÉ@clinic.test', nfd),
        '$2b$04$' || repeat('a', 53), 'José', 'patient'),
    'TM911', null, 'however its accents are, too');
select throws_ok(
    format(
        'select app.create_user(%L, %L, %L, %L, %L)',
        v.id, 'a@clinic.test', '$2b$04$' || repeat('a', 53), v.full_name, v.role),
    v.code, null, v.sentence)
from (values
    (app.uuid_v7(), '', 'patient', '23514', 'an empty name is refused'),
    (app.uuid_v7(), null, 'patient', '23502', 'a missing name is refused'),
    (app.uuid_v7(), 'A', 'surgeon', '23514', 'a role that is not known is refused'),
    (null, 'A', 'patient', '23502', 'a missing id is refused'),
    (:'new_user', 'A', 'patient', '23505', 'an id that somebody has is refused')
) as v (id, full_name, role, code, sentence);
select is_empty(
    $$ select id from app.users where email = 'a@clinic.test' $$,
    'and no account without a profile is left behind');

create function pg_temp.field_at_fault()
returns text language plpgsql
as $$
declare
    v_field text;
begin
    perform app.create_user(
        app.uuid_v7(), 'new@clinic.test', '$2b$04$' || repeat('a', 53), 'Again', 'patient');
exception when others then
    get stacked diagnostics v_field = column_name;
    return v_field;
end;
$$;
select is(pg_temp.field_at_fault(), 'email', 'the refusal names the field');
select is(
    (select array_agg(l.table_name::text order by l.id) from app.audit_logs as l
     where l.row_id = :'new_user'),
    '{users,profiles}', 'a new user leaves two traces, and a refused one none');
select is(
    (select count(*) from app.users as u
     where not exists (select from app.profiles as p where p.user_id = u.id)),
    0::bigint, 'every user has a profile');

select * from finish();
rollback;
