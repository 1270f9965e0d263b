begin;
\ir ../helpers/actors.psql
select plan(34);

select pg_temp.sign_in('patient', p_request_id => 'first-change');
select api.update_my_profile('First Change') \g /dev/null
reset role;
select pg_sleep(0.002), clock_timestamp() as between, pg_sleep(0.002) \gset
set local role telemed_api;
select pg_temp.sign_in('patient', p_request_id => 'second-change');
select api.update_my_profile('Second Change') \g /dev/null
select pg_temp.id_of('patient') as patient, pg_temp.id_of('admin') as admin \gset

-- What an admin sees
select pg_temp.sign_in('admin');
select collect_tap(
    is(l.table_name, 'profiles', 'an admin reads the trail'),
    is(l.row_id, :'patient', 'which row was changed'),
    is(l.operation, 'UPDATE', 'how'),
    is(l.old ->> 'full_name', 'First Change', 'from what'),
    is(l.new ->> 'full_name', 'Second Change', 'to what'),
    is(l.user_id, :'patient', 'by whom'),
    is(l.role::text, 'patient', 'in which role'),
    is(l.database_login, session_user::text, 'through which login'),
    is(l.request_id::text, 'second-change', 'by which request'))
from api.list_audit_logs(p_limit => 1) as l;
select is_empty(
    $$
    select 1 from (select id, lag(id) over () as newer from api.list_audit_logs()) as l
    where l.id >= l.newer
    $$,
    'the newest is first');

-- Filters
select is(
    (select count(*) from api.list_audit_logs(p_request_id => 'first-change')), 1::bigint,
    'a request is found by its id');
select is(
    (select array_agg(distinct l.table_name)
     from api.list_audit_logs(p_table_name => 'doctors') as l),
    '{doctors}', 'changes of one table are found');
select is(
    (select count(*) from api.list_audit_logs(p_table_name => 'profiles', p_row_id => :'patient')),
    3::bigint, 'changes of one row are found');
select is(
    (select array_agg(distinct l.user_id) from api.list_audit_logs(p_user_id => :'patient') as l),
    array[:'patient'::uuid], 'changes by one user are found');
select is(
    (select array_agg(distinct l.operation) from api.list_audit_logs(p_operation => 'UPDATE') as l),
    '{UPDATE}', 'changes of one kind are found');
select is(
    (select array_agg(l.new ->> 'full_name' order by l.id)
     from api.list_audit_logs('profiles', p_from => :'between', p_operation => 'UPDATE') as l),
    '{"Second Change"}', 'what happened later is found');
select is(
    (select array_agg(l.new ->> 'full_name' order by l.id)
     from api.list_audit_logs('profiles', p_to => :'between', p_operation => 'UPDATE') as l),
    '{"First Change"}', 'what happened before is found');
select l.occurred_at as moment from api.list_audit_logs(p_limit => 1) as l \gset
select is(
    (select count(*) from api.list_audit_logs(p_from => :'moment')), 1::bigint,
    'the beginning of a range belongs to it');
select is(
    (select count(*) from api.list_audit_logs(p_from => :'moment', p_to => :'moment')), 0::bigint,
    'its end does not');
select is(
    (select count(*) from api.list_audit_logs(
        p_table_name => 'doctors', p_user_id => :'patient', p_operation => 'INSERT')),
    0::bigint, 'filters go together');
select is(
    (select count(*) from api.list_audit_logs(p_table_name => 'no_such_table')), 0::bigint,
    'a table that does not exist has no trail');

-- Pages
select array_agg(l.id order by l.id desc) as ids, (array_agg(l.id order by l.id desc))[2] as second
from api.list_audit_logs() as l \gset
select is(
    (select array_agg(l.id order by l.ordinality)
     from api.list_audit_logs(p_limit => 2) with ordinality as l),
    (:'ids'::bigint[])[1:2], 'a page has as many as were asked for');
select is(
    (select array_agg(l.id order by l.ordinality)
     from api.list_audit_logs(p_limit => 2, p_cursor => current_setting('app.next_cursor')) with ordinality as l),
    (:'ids'::bigint[])[3:4], 'the next one goes on after it');
select throws_ok(
    format('select api.list_audit_logs(p_limit => %L)', v.size), 'TM201', null, v.sentence)
from (values
    (0, 'a page has at least one row'),
    (1001, 'a page has at most 1000 rows'),
    (null, 'a page has a size')) as v (size, sentence);

-- Who may not
select pg_temp.sign_in('doctor');
select throws_ok('select api.list_audit_logs()', 'TM301', null, 'a doctor does not read the trail');
select pg_temp.sign_in('patient');
select throws_ok('select api.list_audit_logs()', 'TM301', null, 'nor does a patient');
select throws_ok(
    format('select api.list_audit_logs(p_user_id => %L)', :'patient'),
    'TM301', null, 'not even their own');
select pg_temp.sign_in('nobody');
select throws_ok('select api.list_audit_logs()', 'TM101', null, 'nor does nobody');
reset role;
update app.users set deactivated_at = app.clock() where id = :'admin';
set local role telemed_api;
select pg_temp.sign_in('admin');
select throws_ok('select api.list_audit_logs()', 'TM102', null, 'nor does an admin who has left');

-- What is read of patients there
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
    pg_temp.last_read(), array[:'booking']::uuid[], 'who reads of a consultation is written down');
select api.list_audit_logs('prescription_items') \g /dev/null
select is(
    pg_temp.last_read(), array[:'booking']::uuid[], 'so is who reads of what was prescribed in one');
select api.list_audit_logs('availability_slots') \g /dev/null
select is(pg_temp.last_read(), array[:'booking']::uuid[], 'slots are about nobody');

select * from finish();
rollback;
