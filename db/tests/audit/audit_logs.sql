begin;
\ir ../helpers/actors.psql
select plan(29);
reset role;

create function pg_temp.write(
    p_operation text, p_old jsonb, p_new jsonb, p_row_id text default 'row',
    p_request_id text default null)
returns bigint language sql
as $$
    insert into app.audit_logs (table_name, row_id, operation, old, new, request_id)
    values ('users', p_row_id, p_operation, p_old, p_new, p_request_id)
    returning id
$$;

-- What a trace looks like
select pg_temp.write('UPDATE', '{"a": 1}', '{"a": 2}') as trace \gset
select collect_tap(
    is(l.database_login, session_user, 'a trace has the login that PostgreSQL saw'),
    cmp_ok(l.occurred_at::timestamptz, '<=', clock_timestamp(),
        'and the time at which it was written'),
    cmp_ok(l.occurred_at::timestamptz, '>=', now(), 'not an earlier one'))
from app.audit_logs as l where l.id = :'trace';
select cmp_ok(
    pg_temp.write('UPDATE', '{"a": 2}', '{"a": 3}'), '>', :'trace',
    'a later trace has a higher number');
select lives_ok(
    $$ select pg_temp.write('INSERT', null, '{}') $$, 'a new row has no old values');
select lives_ok(
    $$ select pg_temp.write('DELETE', '{}', null) $$, 'a deleted row has no new ones');
select throws_ok(
    format('select pg_temp.write(%L, %L, %L)', v.operation, v.old, v.new), '23514', null,
        v.sentence)
from (values
    ('INSERT', '{}', '{}', 'an INSERT with old values is refused'),
    ('INSERT', null, null, 'an INSERT without new ones too'),
    ('UPDATE', null, '{}', 'an UPDATE without old values too'),
    ('UPDATE', '{}', null, 'an UPDATE without new ones too'),
    ('DELETE', '{}', '{}', 'a DELETE with new values too'),
    ('DELETE', null, null, 'a DELETE without old ones too'),
    ('TRUNCATE', '{}', '{}', 'there is no other operation')) as v (operation, old, new, sentence);
select throws_ok(
    $$ select pg_temp.write('INSERT', null, '{}', '') $$, '23514', null, 'a trace names its row');
select throws_ok(
    $$ select pg_temp.write('INSERT', null, '{}', repeat('r', 201)) $$,
    '23514', null, 'in at most 200 characters');
select throws_ok(
    $$ select pg_temp.write('INSERT', null, '{}', 'row', repeat('r', 201)) $$,
    '23514', null, 'a request id has at most 200 characters');
select throws_ok(
    $$ insert into app.audit_logs (id, table_name, row_id, operation, new)
       values (1, 'users', 'row', 'INSERT', '{}') $$,
    '428C9', null, 'nobody chooses the number of a trace');

-- Permanence
select throws_ok(
    format($$ update app.audit_logs set new = '{"a": 4}' where id = %L $$, :'trace'),
    'TM912', null, 'a trace is never changed');
select throws_ok(
    format('delete from app.audit_logs where id = %L', :'trace'),
    'TM912', null, 'a trace is never deleted');
select throws_ok('truncate app.audit_logs', 'TM912', null, 'nor are all of them at once');
set local role telemed_owner;
select is_empty(
    'delete from app.audit_logs returning id', 'the owner of the tables finds nothing to delete');
set local role telemed_internal;
select throws_ok(
    'delete from app.audit_logs', 'TM912', null, 'nor can who finds everything');

-- Who reads the trail
set local role telemed_auditor;
select isnt_empty('select * from ops.audit_logs', 'an auditor reads the trail');
select throws_ok('select * from app.audit_logs', '42501', null, 'through its view only');
select throws_ok('select * from app.users', '42501', null, 'and nothing else');
set local role telemed_dba;
select isnt_empty('select * from ops.audit_logs', 'a database administrator reads the trail');
select throws_ok(
    'delete from ops.audit_logs', '42501', null, 'and deletes nothing');
set local role telemed_api;
select throws_ok('select * from ops.audit_logs', '42501', null, 'the REST API does not read it');
select throws_ok(
    'select * from api.audit_logs', '42501', null, 'but through a function for admins');

select * from finish();
rollback;
