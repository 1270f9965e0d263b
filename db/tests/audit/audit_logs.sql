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

-- The columns of a row
select pg_temp.write('UPDATE', '{"a": 1}', '{"a": 2}') as row_id \gset
select collect_tap(
    is(l.database_login, session_user, 'audit_logs: a row has the database login'),
    cmp_ok(l.occurred_at::timestamptz, '<=', clock_timestamp(),
        'audit_logs: a row has the time at which it was written'),
    cmp_ok(l.occurred_at::timestamptz, '>=', now(),
        'audit_logs: the time of a row is not before the start of its transaction'))
from app.audit_logs as l where l.id = :'row_id';
select cmp_ok(
    pg_temp.write('UPDATE', '{"a": 2}', '{"a": 3}'), '>', :'row_id',
    'audit_logs: a later row has a higher id');
select lives_ok(
    $$ select pg_temp.write('INSERT', null, '{}') $$,
    'audit_logs: an INSERT without old values is accepted');
select lives_ok(
    $$ select pg_temp.write('DELETE', '{}', null) $$,
    'audit_logs: a DELETE without new values is accepted');
select throws_ok(
    format('select pg_temp.write(%L, %L, %L)', v.operation, v.old, v.new), '23514', null,
        v.sentence)
from (values
    ('INSERT', '{}', '{}', 'audit_logs: an INSERT with old values is rejected'),
    ('INSERT', null, null, 'audit_logs: an INSERT without new values is rejected'),
    ('UPDATE', null, '{}', 'audit_logs: an UPDATE without old values is rejected'),
    ('UPDATE', '{}', null, 'audit_logs: an UPDATE without new values is rejected'),
    ('DELETE', '{}', '{}', 'audit_logs: a DELETE with new values is rejected'),
    ('DELETE', null, null, 'audit_logs: a DELETE without old values is rejected'),
    ('TRUNCATE', '{}', '{}',
     'audit_logs: an operation other than INSERT, UPDATE and DELETE is rejected'))
    as v (operation, old, new, sentence);
select throws_ok(
    $$ select pg_temp.write('INSERT', null, '{}', '') $$, '23514', null,
    'audit_logs: an empty row_id is rejected');
select throws_ok(
    $$ select pg_temp.write('INSERT', null, '{}', repeat('r', 201)) $$,
    '23514', null, 'audit_logs: a row_id of 201 characters is rejected');
select throws_ok(
    $$ select pg_temp.write('INSERT', null, '{}', 'row', repeat('r', 201)) $$,
    '23514', null, 'audit_logs: a request id of 201 characters is rejected');
select throws_ok(
    $$ insert into app.audit_logs (id, table_name, row_id, operation, new)
       values (1, 'users', 'row', 'INSERT', '{}') $$,
    '428C9', null, 'audit_logs: an INSERT cannot choose the id of the row');

-- Append-only
select throws_ok(
    format($$ update app.audit_logs set new = '{"a": 4}' where id = %L $$, :'row_id'),
    'TM912', null, 'audit_logs: a row cannot be updated');
select throws_ok(
    format('delete from app.audit_logs where id = %L', :'row_id'),
    'TM912', null, 'audit_logs: a row cannot be deleted');
select throws_ok('truncate app.audit_logs', 'TM912', null,
    'audit_logs: the table cannot be truncated');
set local role telemed_owner;
select is_empty(
    'delete from app.audit_logs returning id',
    'audit_logs: row-level security leaves the owner of the table no row to delete');
set local role telemed_internal;
select throws_ok(
    'delete from app.audit_logs', 'TM912', null,
    'audit_logs: telemed_internal, which sees every row, cannot delete one');

-- Readers
set local role telemed_auditor;
select isnt_empty('select * from ops.audit_logs', 'an auditor can read ops.audit_logs');
select throws_ok('select * from app.audit_logs', '42501', null,
    'an auditor cannot read the table app.audit_logs');
select throws_ok('select * from app.users', '42501', null, 'an auditor cannot read app.users');
set local role telemed_dba;
select isnt_empty('select * from ops.audit_logs', 'a DBA can read ops.audit_logs');
select throws_ok(
    'delete from ops.audit_logs', '42501', null, 'a DBA cannot delete from ops.audit_logs');
set local role telemed_api;
select throws_ok('select * from ops.audit_logs', '42501', null,
    'the REST API cannot read ops.audit_logs');
select throws_ok(
    'select * from api.audit_logs', '42501', null,
    'the REST API cannot select from api.audit_logs');

select * from finish();
rollback;
