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
    is(u.email, 'new@clinic.test', 'create_user: the account has the e-mail address'),
    is(u.role, 'patient', 'create_user: the account has the role'),
    is(u.full_name, 'New User', 'create_user: the profile has the name'))
from api.users as u where u.id = :'new_user';

select throws_ok(
    $$
    select app.create_user(
        app.uuid_v7(), 'New@Clinic.test', '$2b$04$' || repeat('a', 53), 'Again', 'patient')
    $$,
    'TM911', null, 'create_user: a registered e-mail address is refused, whatever its case');
select app.create_user(
    app.uuid_v7(), 'josé@clinic.test', '$2b$04$' || repeat('a', 53), 'José', 'patient')
\g /dev/null
select throws_ok(
    format(
        'select app.create_user(app.uuid_v7(), %L, %L, %L, %L)', normalize('JOSÉ@clinic.test', nfd),
        '$2b$04$' || repeat('a', 53), 'José', 'patient'),
    'TM911', null,
    'create_user: a registered e-mail address is refused, whatever the composition of its accents');
select throws_ok(
    format(
        'select app.create_user(%L, %L, %L, %L, %L)',
        v.id, 'a@clinic.test', '$2b$04$' || repeat('a', 53), v.full_name, v.role),
    v.code, null, v.sentence)
from (values
    (app.uuid_v7(), '', 'patient', '23514', 'create_user: an empty name is refused'),
    (app.uuid_v7(), null, 'patient', '23502', 'create_user: a null name is refused'),
    (app.uuid_v7(), 'A', 'surgeon', '23514', 'create_user: an unknown role is refused'),
    (null, 'A', 'patient', '23502', 'create_user: a null id is refused'),
    (:'new_user', 'A', 'patient', '23505', 'create_user: the id of an existing account is refused')
) as v (id, full_name, role, code, sentence);
select is_empty(
    $$ select id from app.users where email = 'a@clinic.test' $$,
    'create_user: a refusal leaves no account without a profile');

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
select is(pg_temp.field_at_fault(), 'email',
    'create_user: the refusal of a registered e-mail address names the field email');
select is(
    (select array_agg(l.table_name::text order by l.id) from app.audit_logs as l
     where l.row_id = :'new_user'),
    '{users,profiles}', 'create_user: the audit log has the account and the profile of a new user');
select is(
    (select count(*) from app.users as u
     where not exists (select from app.profiles as p where p.user_id = u.id)),
    0::bigint, 'create_user: every user has a profile');

select * from finish();
rollback;
