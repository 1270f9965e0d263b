begin;
\ir ../helpers/actors.psql
select plan(18);

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
    'list_access_logs: an admin gets the newest entry first');
select results_eq(
    format('select l.request_id from api.list_access_logs(%s) as l', v.filter), v.found, v.sentence)
from (values
    ('p_kind => ''denied''', array['second', 'first'],
     'list_access_logs: p_kind denied selects refusals'),
    ('p_kind => ''read''', array['third'], 'list_access_logs: p_kind read selects reads'),
    (format('p_user_id => %L', pg_temp.id_of('patient')), array['first'],
     'list_access_logs: p_user_id selects the entries of one user'),
    (format('p_resource_id => %L', :'booking'), array['third'],
     'list_access_logs: p_resource_id selects the entries about one consultation'),
    ('p_limit => 1', array['third'], 'list_access_logs: p_limit bounds the length of the page'))
    as v (filter, found, sentence);
select is_empty(
    $$ select l.id from api.list_access_logs(p_to => now() - interval '1 day') as l $$,
    'list_access_logs: entries at or after p_to are left out');
select is_empty(
    $$ select l.id from api.list_access_logs(p_from => now() + interval '1 day') as l $$,
    'list_access_logs: entries before p_from are left out');
select is_empty(
    $$ select l.id from api.list_access_logs(p_kind => 'other') as l $$,
    'list_access_logs: an unknown p_kind selects nothing');
select is(
    pg_temp.all_pages('api.list_access_logs(p_limit => 2, p_cursor => %L)'),
    (select array_agg(l.id::text) from api.list_access_logs() as l),
    'list_access_logs: the pages together have the same entries as the list');
select throws_ok(
    'select api.list_access_logs(p_limit => 0)', 'TM201', null,
    'list_access_logs: a limit of 0 is refused');
select is(pg_temp.refusal(v.actor, 'select api.list_access_logs()'), v.code, v.sentence)
from (values
    ('doctor', 'TM301', 'list_access_logs: a doctor is refused'),
    ('patient', 'TM301', 'list_access_logs: a patient is refused'),
    ('nobody', 'TM101', 'list_access_logs: a caller who is not logged in is refused'))
    as v (actor, code, sentence);

-- The other order
select pg_temp.sign_in('admin');
select is(
    pg_temp.all_pages(
        'api.list_access_logs(p_order => ''occurred_at'', p_limit => 2, p_cursor => %L)'),
    (select array_agg(r.id::text order by r.ordinality desc)
     from api.list_access_logs(p_limit => 1000) with ordinality as r),
    'list_access_logs: occurred_at reverses the list');
select pg_temp.cursor_after(
    'admin', 'api.list_access_logs(p_order => ''occurred_at'', p_limit => 1)') as reversed
\gset
select is(
    pg_temp.refusal('admin', format(
        'select api.list_access_logs(p_order => %L, p_cursor => %L)', v.in_order, v.cursor)),
    v.refusal, v.sentence)
from (values
    ('occurred_at', :'reversed', null, 'list_access_logs: a cursor is accepted in its own order'),
    ('-occurred_at', :'reversed', 'TM201 cursor',
     'list_access_logs: a cursor of the other order is refused'),
    ('id', null, 'TM201 order', 'list_access_logs: an order that does not exist is refused')
) as v (in_order, cursor, refusal, sentence);

select * from finish();
rollback;
