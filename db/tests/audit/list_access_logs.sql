begin;
\ir ../helpers/actors.psql
select plan(14);

select pg_temp.sign_in('patient', p_request_id => 'first');
select api.record_denial('list_audit_logs', 'TM301') \g /dev/null
select pg_temp.sign_in('doctor', p_request_id => 'second');
select api.record_denial('book_consultation', 'TM301') \g /dev/null
select pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00') as slot \gset
select pg_temp.booking('patient', :'slot') as booking \gset
select pg_temp.sign_in('doctor', p_request_id => 'third');
select api.get_consultation(:'booking') \g /dev/null

select pg_temp.sign_in('admin');
select results_eq(
    $$ select l.request_id from api.list_access_logs() as l $$, array['third', 'second', 'first'],
    'an admin reads the access log, the newest entry first');
select results_eq(
    format('select l.request_id from api.list_access_logs(%s) as l', v.filter), v.found, v.sentence)
from (values
    ('p_kind => ''denied''', array['second', 'first'], 'of one kind'),
    ('p_kind => ''read''', array['third'], 'or another'),
    (format('p_user_id => %L', pg_temp.id_of('patient')), array['first'], 'of one user'),
    (format('p_resource_id => %L', :'booking'), array['third'], 'of one consultation'),
    ('p_limit => 1', array['third'], 'as many as are wanted')) as v (filter, found, sentence);
select is_empty(
    $$ select l.id from api.list_access_logs(p_to => now() - interval '1 day') as l $$,
    'before a time');
select is_empty(
    $$ select l.id from api.list_access_logs(p_from => now() + interval '1 day') as l $$,
    'or after one');
select is_empty(
    $$ select l.id from api.list_access_logs(p_kind => 'other') as l $$, 'of no kind there is none');
select is(
    pg_temp.all_pages('api.list_access_logs(p_limit => 2, p_cursor => %L)'),
    (select array_agg(l.id::text) from api.list_access_logs() as l), 'page by page it is the same');
select throws_ok(
    'select api.list_access_logs(p_limit => 0)', 'TM201', null, 'a page has a size');
select is(pg_temp.refusal(v.actor, 'select api.list_access_logs()'), v.code, v.sentence)
from (values
    ('doctor', 'TM301', 'a doctor does not read it'),
    ('patient', 'TM301', 'nor does a patient'),
    ('nobody', 'TM101', 'nor does anybody else')) as v (actor, code, sentence);

select * from finish();
rollback;
