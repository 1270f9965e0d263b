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
    is(l.user_id, pg_temp.id_of('doctor'), 'access_logs: an entry names the caller'),
    is(l.role::text, 'doctor', 'access_logs: an entry has the caller''s role'),
    is(l.request_id::text, 'request-1', 'access_logs: an entry has the request id'),
    is(l.database_login, session_user, 'access_logs: an entry has the database login'))
from app.access_logs as l where l.id = :'entry';

select throws_ok(
    format('insert into app.access_logs (kind, operation, code) values (%L, %L, %L)',
        v.kind, v.operation, v.code),
    '23514', null, v.sentence)
from (values
    ('looked', 'get_consultation', null, 'access_logs: an entry of an unknown kind is rejected'),
    ('read', 'Get', null, 'access_logs: an operation that is not a function name is rejected'),
    ('read', 'get_consultation', 'TM403',
     'access_logs: an entry of kind read with a code is rejected'),
    ('denied', 'get_consultation', null,
     'access_logs: an entry of kind denied without a code is rejected'),
    ('denied', 'get_consultation', 'no', 'access_logs: a code that is not an SQLSTATE is rejected'))
    as v (kind, operation, code, sentence);

-- Append-only
select throws_ok(
    'update app.access_logs set operation = operation', 'TM912', null,
    'access_logs: an entry cannot be updated');
select throws_ok('delete from app.access_logs', 'TM912', null,
    'access_logs: an entry cannot be deleted');
select throws_ok('truncate app.access_logs', 'TM912', null,
    'access_logs: the table cannot be truncated');

-- Readers
set local app.verified_role = 'doctor';
set local role telemed_owner;
select is_empty('select id from app.access_logs',
    'access_logs: row-level security hides every entry from a doctor');
set local app.verified_role = 'admin';
select isnt_empty('select id from app.access_logs',
    'access_logs: row-level security shows the entries to an admin');
reset role;
set local role telemed_auditor;
select isnt_empty('select * from ops.access_logs', 'an auditor can read ops.access_logs');
set local role telemed_api;
select throws_ok(
    'select * from api.access_logs', '42501', null,
    'the REST API cannot select from api.access_logs');

select * from finish();
rollback;
