begin;
\ir ../helpers/actors.psql
select plan(38);

select pg_temp.sign_in('patient', p_request_id => 'first-change');
select api.update_my_profile('First Change', p_versions => '{*}') \g /dev/null
reset role;
select pg_sleep(0.002), clock_timestamp() as between, pg_sleep(0.002) \gset
set local role telemed_api;
select pg_temp.sign_in('patient', p_request_id => 'second-change');
select api.update_my_profile('Second Change', p_versions => '{*}') \g /dev/null
select pg_temp.id_of('patient') as patient, pg_temp.id_of('admin') as admin \gset

-- The columns of a row
select pg_temp.sign_in('admin');
select collect_tap(
    is(l.table_name, 'profiles', 'list_audit_logs: a row has the table that was changed'),
    is(l.row_id, :'patient', 'list_audit_logs: a row has the id of the row that was changed'),
    is(l.operation, 'UPDATE', 'list_audit_logs: a row has the kind of the change'),
    is(l.old ->> 'full_name', 'First Change', 'list_audit_logs: a row has the old values'),
    is(l.new ->> 'full_name', 'Second Change', 'list_audit_logs: a row has the new values'),
    is(l.user_id, :'patient', 'list_audit_logs: a row has the user who made the change'),
    is(l.role::text, 'patient', 'list_audit_logs: a row has the role of that user'),
    is(l.database_login, session_user::text, 'list_audit_logs: a row has the database login'),
    is(l.request_id::text, 'second-change', 'list_audit_logs: a row has the request id'))
from api.list_audit_logs(p_limit => 1) as l;
select is_empty(
    $$
    select 1 from (select id, lag(id) over () as newer from api.list_audit_logs()) as l
    where l.id >= l.newer
    $$,
    'list_audit_logs: the newest row comes first');

-- Filters
select is(
    (select count(*) from api.list_audit_logs(p_request_id => 'first-change')), 1::bigint,
    'list_audit_logs: p_request_id selects the changes of one request');
select is(
    (select array_agg(distinct l.table_name)
     from api.list_audit_logs(p_table_name => 'doctors') as l),
    '{doctors}', 'list_audit_logs: p_table_name selects the changes of one table');
select is(
    (select count(*) from api.list_audit_logs(p_table_name => 'profiles', p_row_id => :'patient')),
    3::bigint, 'list_audit_logs: p_row_id selects the changes of one row');
select is(
    (select array_agg(distinct l.user_id) from api.list_audit_logs(p_user_id => :'patient') as l),
    array[:'patient'::uuid], 'list_audit_logs: p_user_id selects the changes of one user');
select is(
    (select array_agg(distinct l.operation) from api.list_audit_logs(p_operation => 'UPDATE') as l),
    '{UPDATE}', 'list_audit_logs: p_operation selects changes of one kind');
select is(
    (select array_agg(l.new ->> 'full_name' order by l.id)
     from api.list_audit_logs('profiles', p_from => :'between', p_operation => 'UPDATE') as l),
    '{"Second Change"}', 'list_audit_logs: p_from selects later changes');
select is(
    (select array_agg(l.new ->> 'full_name' order by l.id)
     from api.list_audit_logs('profiles', p_to => :'between', p_operation => 'UPDATE') as l),
    '{"First Change"}', 'list_audit_logs: p_to selects earlier changes');
select l.occurred_at as moment from api.list_audit_logs(p_limit => 1) as l \gset
select is(
    (select count(*) from api.list_audit_logs(p_from => :'moment')), 1::bigint,
    'list_audit_logs: a change at the moment p_from is selected');
select is(
    (select count(*) from api.list_audit_logs(p_from => :'moment', p_to => :'moment')), 0::bigint,
    'list_audit_logs: a change at the moment p_to is left out');
select is(
    (select count(*) from api.list_audit_logs(
        p_table_name => 'doctors', p_user_id => :'patient', p_operation => 'INSERT')),
    0::bigint, 'list_audit_logs: a row has to match every filter');
select is(
    (select count(*) from api.list_audit_logs(p_table_name => 'no_such_table')), 0::bigint,
    'list_audit_logs: an unknown table gives an empty list');

-- Pages
select array_agg(l.id order by l.id desc) as ids, (array_agg(l.id order by l.id desc))[2] as second
from api.list_audit_logs() as l \gset
select is(
    (select array_agg(l.id order by l.ordinality)
     from api.list_audit_logs(p_limit => 2) with ordinality as l),
    (:'ids'::bigint[])[1:2], 'list_audit_logs: a page has p_limit rows');
select is(
    (select array_agg(l.id order by l.ordinality)
     from api.list_audit_logs(p_limit => 2, p_cursor => current_setting('app.next_cursor')) with ordinality as l),
    (:'ids'::bigint[])[3:4],
    'list_audit_logs: the next page begins after the last row of the page before');
select throws_ok(
    format('select api.list_audit_logs(p_limit => %L)', v.size), 'TM201', null, v.sentence)
from (values
    (0, 'list_audit_logs: a limit of 0 is refused'),
    (1001, 'list_audit_logs: a limit of 1001 is refused'),
    (null, 'list_audit_logs: a null limit is refused')) as v (size, sentence);

-- Refused callers
select pg_temp.sign_in('doctor');
select throws_ok('select api.list_audit_logs()', 'TM301', null,
    'list_audit_logs: a doctor is refused');
select pg_temp.sign_in('patient');
select throws_ok('select api.list_audit_logs()', 'TM301', null,
    'list_audit_logs: a patient is refused');
select throws_ok(
    format('select api.list_audit_logs(p_user_id => %L)', :'patient'),
    'TM301', null, 'list_audit_logs: a patient who asks for their own changes is refused');
select pg_temp.sign_in('nobody');
select throws_ok('select api.list_audit_logs()', 'TM101', null,
    'list_audit_logs: a caller who is not logged in is refused');
reset role;
update app.users set deactivated_at = app.clock() where id = :'admin';
set local role telemed_api;
select pg_temp.sign_in('admin');
select throws_ok('select api.list_audit_logs()', 'TM102', null,
    'list_audit_logs: a deactivated admin is refused');

-- Reads of clinical data
reset role;
create function pg_temp.last_read()
returns uuid[] language sql security definer
as $$ select l.resource_ids from app.access_logs as l where l.kind = 'read'
      order by l.id desc limit 1 $$;
select pg_temp.set_clock('2027-01-04 08:00:00+00');
update app.users set deactivated_at = null where id = pg_temp.id_of('admin');
set local role telemed_api;
select pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00') as slot \gset
select pg_temp.booking('patient', :'slot') as booking \gset
select pg_temp.sign_in('doctor');
select api.complete_consultation(:'booking') \g /dev/null
select id as prescription
from api.issue_prescription(:'booking', '[{"drug": "Ibuprofen", "dosage": "400 mg"}]') \gset
select pg_temp.sign_in('admin');
select api.list_audit_logs('consultations', :'booking') \g /dev/null
select is(
    pg_temp.last_read(), array[:'booking']::uuid[],
    'list_audit_logs: an admin who reads changes of a consultation gets an entry in the access '
    'log');
select api.list_audit_logs('prescription_items') \g /dev/null
select is(
    pg_temp.last_read(), array[:'booking']::uuid[],
    'list_audit_logs: changes of a prescription item are logged as a read of its consultation');
select api.list_audit_logs('availability_slots') \g /dev/null
select is(pg_temp.last_read(), array[:'booking']::uuid[],
    'list_audit_logs: changes of slots are not logged as a read');

-- The other order
select pg_temp.sign_in('admin');
select is(
    pg_temp.all_pages(
        'api.list_audit_logs(p_order => ''occurred_at'', p_limit => 7, p_cursor => %L)'),
    (select array_agg(r.id::text order by r.ordinality desc)
     from api.list_audit_logs(p_limit => 1000) with ordinality as r),
    'list_audit_logs: occurred_at reverses the list');
select pg_temp.cursor_after(
    'admin', 'api.list_audit_logs(p_order => ''occurred_at'', p_limit => 1)') as reversed
\gset
select is(
    pg_temp.refusal('admin', format(
        'select api.list_audit_logs(p_order => %L, p_cursor => %L)', v.in_order, v.cursor)),
    v.refusal, v.sentence)
from (values
    ('occurred_at', :'reversed', null, 'list_audit_logs: a cursor is accepted in its own order'),
    ('-occurred_at', :'reversed', 'TM201 cursor',
     'list_audit_logs: a cursor of the other order is refused'),
    ('id', null, 'TM201 order', 'list_audit_logs: an order that does not exist is refused')
) as v (in_order, cursor, refusal, sentence);

select * from finish();
rollback;
