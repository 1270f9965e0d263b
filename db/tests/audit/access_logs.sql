begin;
\ir ../helpers/actors.psql
select plan(16);
reset role;

select pg_temp.sign_in('doctor', p_request_id => 'request-1');
set local app.verified_user_id = '';
select set_config('app.verified_user_id', pg_temp.id_of('doctor')::text, true),
    set_config('app.verified_role', 'doctor', true) \g /dev/null
insert into app.access_logs (kind, operation) values ('read', 'get_consultation')
returning id as entry \gset
select collect_tap(
    is(l.user_id, pg_temp.id_of('doctor'), 'an entry names the caller'),
    is(l.role::text, 'doctor', 'in their role'),
    is(l.request_id::text, 'request-1', 'under the request'),
    is(l.database_login, session_user, 'with the login to the database'))
from app.access_logs as l where l.id = :'entry';

select throws_ok(
    format('insert into app.access_logs (kind, operation, code) values (%L, %L, %L)',
        v.kind, v.operation, v.code),
    '23514', null, v.sentence)
from (values
    ('looked', 'get_consultation', null, 'an entry is of a kind that is known'),
    ('read', 'Get', null, 'of an operation'),
    ('read', 'get_consultation', 'TM403', 'a read has no code'),
    ('denied', 'get_consultation', null, 'a refusal has one'),
    ('denied', 'get_consultation', 'no', 'that is an SQLSTATE')) as v (kind, operation, code, sentence);

-- Permanence
select throws_ok(
    'update app.access_logs set operation = operation', 'TM912', null, 'an entry is never changed');
select throws_ok('delete from app.access_logs', 'TM912', null, 'never deleted');
select throws_ok('truncate app.access_logs', 'TM912', null, 'nor are all of them at once');

-- Who reads it
set local app.verified_role = 'doctor';
set local role telemed_owner;
select is_empty('select id from app.access_logs', 'a doctor sees none of it');
set local app.verified_role = 'admin';
select isnt_empty('select id from app.access_logs', 'an admin does');
reset role;
set local role telemed_auditor;
select isnt_empty('select * from ops.access_logs', 'so does an auditor');
set local role telemed_api;
select throws_ok(
    'select * from api.access_logs', '42501', null, 'the REST API reads it through a function');

select * from finish();
rollback;
