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
    is(l.user_id, pg_temp.id_of('other_patient'), 'a refusal names who was refused'),
    is(l.role::text, 'patient', 'in their role'),
    is(l.operation::text, 'get_consultation', 'what they tried'),
    is(l.code, 'TM403', 'what they heard'),
    is(l.resource_ids, array[:'booking']::uuid[], 'and what they were after'),
    is(l.request_id::text, 'test', 'under the request'))
from pg_temp.denials() as l;
select api.record_denial('get_consultation', 'TM403', gen_random_uuid()) \g /dev/null
select is(count(*), 1::bigint, 'what never existed is not written down') from pg_temp.denials();
select api.record_denial('list_audit_logs', 'TM301') \g /dev/null
select is(l.resource_ids, '{}', 'a role that may not needs no resource')
from pg_temp.denials() as l limit 1;

-- What is somebody else's
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
    (:'payment', true, 'a payment is somebody else''s'), (:'slot', true, 'so is a slot'),
    (:'time_off', true, 'a time off'), (:'session', true, 'and a session'),
    (:'own_session', false, 'but not the session of the caller')) as v (id, is_theirs, sentence);
set local role telemed_api;

-- Whose account is closed by now
reset role;
update app.users set deactivated_at = app.clock() where id = pg_temp.id_of('other_patient');
set local role telemed_api;
select pg_temp.sign_in('other_patient');
select lives_ok(
    $$ select api.record_denial('my_profile', 'TM102') $$, 'a deactivated user''s try is recorded');
select is(count(*), 3::bigint, 'as any other') from pg_temp.denials();

-- Nonsense
select throws_ok(
    format('select api.record_denial(%L, %L)', v.operation, v.code), v.refusal, null, v.sentence)
from (values
    ('my_profile', 'XX000', 'TM201', 'a code of another class is refused'),
    ('my_profile', null, 'TM201', 'so is a missing one'),
    (null, 'TM301', 'TM201', 'and a missing operation'),
    ('My Profile', 'TM301', '23514', 'an operation has the name of a function'))
    as v (operation, code, refusal, sentence);
select pg_temp.sign_in('nobody');
select lives_ok(
    $$ select api.record_denial('log_in', 'TM103') $$, 'nobody in particular can be refused');
select is(l.user_id, null, 'without a name') from pg_temp.denials() as l limit 1;
set local app.proof = '';
select throws_ok(
    $$ select api.record_denial('log_in', 'TM103') $$, 'TM101', null,
    'but somebody has to vouch for it');
select pg_temp.sign_in('admin');
select is(
    (select count(*) from api.list_access_logs(p_kind => 'denied')), 4::bigint, 'an admin reads it');

select * from finish();
rollback;
