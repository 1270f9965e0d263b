begin;
\ir ../helpers/actors.psql
\ir ../helpers/reads.psql
select plan(20);

select pg_temp.sign_in('admin');
select api.deactivate_user(pg_temp.id_of(n)) from unnest('{doctor,other_patient}'::text[]) as n
\g /dev/null
create function pg_temp.listed(p_arguments text)
returns text language plpgsql
as $$
declare
    v_names text;
begin
    execute format(
        'select string_agg(split_part(u.email, ''@'', 1), '' '' order by u.ordinality)'
        ' from api.list_users(%s) with ordinality as u'
        ' where u.email like ''%%@clinic.test''', p_arguments) into v_names;
    return v_names;
end;
$$;

select is(pg_temp.listed('p_limit => 1000'), 'other_patient patient other_doctor doctor admin',
    'list_users: an admin gets all accounts, the latest first');
select is(pg_temp.listed(v.arguments), v.names, 'list_users: ' || v.sentence)
from (values
    ('p_role => ''doctor''', 'other_doctor doctor', 'p_role selects the accounts of one role'),
    ('p_state => ''deactivated''', 'other_patient doctor', 'p_state selects deactivated accounts'),
    ('p_role => ''doctor'', p_state => ''active''', 'other_doctor', 'filters apply together'),
    ('p_email => ''PATIENT@clinic.test''', 'patient',
     'p_email is a whole address, in any case of letters'),
    ('p_email => ''patient@clinic.test'', p_role => ''doctor''', null,
     'p_email applies together with others'),
    ('p_email => ''clinic.test''', null, 'a part of an address finds nothing'),
    ('p_role => ''nurse''', null, 'an unknown role finds nothing'),
    ('p_order => ''created_at''', 'admin doctor other_doctor patient other_patient',
     'the oldest first in the other order'))
    as v (arguments, names, sentence);
-- Row-level security would forbid the index to a query with a function that is not leakproof.
reset role;
select 'app.users_email_is_unique_regardless_of_case'::regclass::oid as email_index \gset
set local role telemed_api;
set local enable_seqscan = off;
select pg_stat_get_xact_numscans(:email_index) as scans \gset
select id from api.list_users(p_email => 'patient@clinic.test') \g /dev/null
select cmp_ok(pg_stat_get_xact_numscans(:email_index), '>', :scans::bigint,
    'list_users: p_email is looked up in an index, not in all accounts');
reset enable_seqscan;
select is(u.deactivated_at, app_now.now, 'list_users: an account has the time of its deactivation')
from api.list_users(p_email => 'doctor@clinic.test') as u
cross join (values (timestamptz '2027-01-04 08:00:00+00')) as app_now (now);
select is(
    pg_temp.all_pages($$ api.list_users(p_role => 'doctor', p_limit => 1, p_cursor => %L) $$),
    (select array_agg(u.id::text order by u.id desc) from api.list_users(p_role => 'doctor') as u),
    'list_users: pages show each account once');
select is(
    pg_temp.refusal(v.actor, 'select api.list_users(' || v.arguments || ')'), v.refusal,
    'list_users: ' || v.sentence)
from (values
    ('patient', '', 'TM301', 'a patient is refused'),
    ('other_doctor', '', 'TM301', 'a doctor is refused'),
    ('nobody', '', 'TM101', 'a caller without a context is refused'),
    ('admin', 'p_order => ''email''', 'TM201 order', 'another order is refused'),
    ('admin', 'p_limit => 0', 'TM201 limit', 'an empty page is refused'),
    ('admin', format('p_cursor => %L', pg_temp.cursor_after(
         'admin', 'api.list_users(p_order => ''created_at'', p_limit => 1)')),
     'TM201 cursor', 'a cursor of the list in the other order is refused'))
    as v (actor, arguments, refusal, sentence);

-- In the access log
reset role;
select pg_temp.records_read('list_users', 'admin',
    'p_email => ''patient@clinic.test''', pg_temp.id_of('patient'));
select count(*) as reads from app.access_logs \gset
set local role telemed_api;
select pg_temp.sign_in('admin');
select id from api.list_users(p_email => 'nobody@clinic.test') \g /dev/null
reset role;
select is((select count(*) from app.access_logs), :reads::bigint,
    'list_users: a list without an account is no read of one');

select * from finish();
rollback;
