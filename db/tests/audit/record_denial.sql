begin;
\ir ../helpers/actors.psql
select plan(23);

select pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00') as slot \gset
select pg_temp.booking('patient', :'slot') as booking \gset

reset role;
create function pg_temp.denials()
returns setof app.access_logs language sql security definer
as $$ select l.* from app.access_logs as l where l.kind = 'denied' order by l.id desc $$;
set local role telemed_api;

select pg_temp.sign_in('other_patient');
select api.record_denial('get_consultation', 'TM403', :'booking') \g /dev/null
select collect_tap(
    is(l.user_id, pg_temp.id_of('other_patient'),
        'record_denial: the entry names the caller who was refused'),
    is(l.role::text, 'patient', 'record_denial: the entry has the caller''s role'),
    is(l.operation::text, 'get_consultation', 'record_denial: the entry has the operation'),
    is(l.code, 'TM403', 'record_denial: the entry has the code of the refusal'),
    is(l.resource_ids, array[:'booking']::uuid[],
        'record_denial: the entry has the id of the resource'),
    is(l.request_id::text, 'test', 'record_denial: the entry has the request id'))
from pg_temp.denials() as l;
select api.record_denial('get_consultation', 'TM403', gen_random_uuid()) \g /dev/null
select is(count(*), 1::bigint,
    'record_denial: a refusal TM4nn about an unknown id is not recorded') from pg_temp.denials();
select api.record_denial('list_audit_logs', 'TM301') \g /dev/null
select is(l.resource_ids, '{}', 'record_denial: a refusal TM301 is recorded without a resource')
from pg_temp.denials() as l limit 1;

-- Resources of others
reset role;
select pg_temp.new_session('patient') as session \gset
select pg_temp.new_session('other_patient') as own_session \gset
insert into app.time_off (doctor_id, starts_at, ends_at)
values (pg_temp.id_of('other_doctor'), '2027-01-05 09:00:00+00', '2027-01-05 10:00:00+00')
returning id as time_off \gset
insert into app.payments (consultation_id, kind, amount_minor, currency, method)
values (:'booking', 'payment', 100, 'EUR', 'card') returning id as payment \gset
select is(app.is_somebody_elses(v.id::uuid, pg_temp.id_of('other_patient')), v.is_theirs, v.sentence)
from (values
    (:'payment', true,
     'is_somebody_elses: it is true for a payment'),
     (:'slot', true, 'is_somebody_elses: it is true for a slot'),
    (:'time_off', true,
     'is_somebody_elses: it is true for time off'),
     (:'session', true, 'is_somebody_elses: it is true for a session of another user'),
    (:'own_session', false, 'is_somebody_elses: it is false for a session of the caller'))
    as v (id, is_theirs, sentence);
set local role telemed_api;

-- A deactivated account
reset role;
update app.users set deactivated_at = app.clock() where id = pg_temp.id_of('other_patient');
set local role telemed_api;
select pg_temp.sign_in('other_patient');
select lives_ok(
    $$ select api.record_denial('my_profile', 'TM102') $$,
    'record_denial: a refusal of a deactivated user does not raise an error');
select is(count(*), 3::bigint,
    'record_denial: a refusal of a deactivated user is recorded') from pg_temp.denials();

-- Invalid arguments
select throws_ok(
    format('select api.record_denial(%L, %L)', v.operation, v.code), v.refusal, null, v.sentence)
from (values
    ('my_profile', 'XX000', 'TM201', 'record_denial: a code of another class than TM is refused'),
    ('my_profile', null, 'TM201', 'record_denial: a null code is refused'),
    (null, 'TM301', 'TM201', 'record_denial: a null operation is refused'),
    ('My Profile', 'TM301', '23514',
     'record_denial: an operation that is not a function name is rejected'))
    as v (operation, code, refusal, sentence);
select pg_temp.sign_in('nobody');
select lives_ok(
    $$ select api.record_denial('log_in', 'TM103') $$,
    'record_denial: a refusal of a caller who is not logged in does not raise an error');
select is(l.user_id, null,
    'record_denial: a refusal of a caller who is not logged in is recorded without a '
    'user') from pg_temp.denials() as l limit 1;
set local app.proof = '';
select throws_ok(
    $$ select api.record_denial('log_in', 'TM103') $$, 'TM101', null,
    'record_denial: a call without a context signature is refused');
select pg_temp.sign_in('admin');
select is(
    (select count(*) from api.list_access_logs(p_kind => 'denied')), 4::bigint,
    'record_denial: an admin can list the recorded refusals');

select * from finish();
rollback;
