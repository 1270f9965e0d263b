begin;
\ir ../helpers/actors.psql
select plan(14);

select pg_temp.sign_in('patient', p_request_id => 'subscribe');
select * from api.create_my_calendar() \gset
select collect_tap(
    matches(:'token'::text, '^[A-Za-z0-9_-]{43}$',
        'create_my_calendar: the answer has a token of 256 bits'),
    is(:'created_at'::timestamptz, '2027-01-04 08:00:00+00',
        'create_my_calendar: the calendar begins now'));
reset role;
select collect_tap(
    is(f.token_hash, sha256(convert_to(:'token', 'UTF8')),
        'create_my_calendar: the token is stored as its hash alone'),
    is(f.revoked_at::timestamptz, null, 'create_my_calendar: the token is in force'))
from app.calendar_feeds as f where f.user_id = pg_temp.id_of('patient');
select is(
    (l.operation, l.user_id, l.request_id::text)::text,
    ('INSERT', pg_temp.id_of('patient'), 'subscribe')::text,
    'create_my_calendar: the audit log has the caller and the request')
from app.audit_logs as l where l.table_name = 'calendar_feeds';

-- Another one
set local role telemed_api;
select pg_temp.sign_in('doctor');
select token as of_doctor from api.create_my_calendar() \gset
select pg_temp.sign_in('patient');
select token as second from api.create_my_calendar() \gset
select isnt(:'second'::text, :'token', 'create_my_calendar: a second call returns another token');
reset role;
select set_eq(
    'select f.token_hash from app.calendar_feeds as f where f.revoked_at is null',
    array[sha256(convert_to(:'second', 'UTF8')), sha256(convert_to(:'of_doctor', 'UTF8'))],
    'create_my_calendar: the second token replaces the first, and nobody else''s');
set local role telemed_api;
select is(pg_temp.refusal('patient', 'select api.create_my_calendar()'), null,
    'create_my_calendar: a third token may replace the second');

-- Refusals
select is(pg_temp.refusal(v.actor, 'select api.create_my_calendar()'), v.refusal,
    'create_my_calendar: ' || v.sentence)
from (values
    ('admin', 'TM301', 'an admin has no calendar'),
    ('nobody', 'TM101', 'a caller without a context is refused'),
    ('other_doctor', null, 'every doctor may have one'),
    ('other_patient', null, 'every patient may have one')
) as v (actor, refusal, sentence);
reset role;
select pg_temp.sign_in('admin');
update app.users set deactivated_at = app.clock() where id = pg_temp.id_of('other_patient');
set local role telemed_api;
select is(pg_temp.refusal('other_patient', 'select api.create_my_calendar()'), 'TM102',
    'create_my_calendar: a deactivated user is refused');
reset role;
update app.roles set second_factor_required = true where name = 'patient';
select pg_temp.new_session('patient') as session \gset
select pg_temp.sign_in('patient', p_session_id => :'session');
set local role telemed_api;
select throws_ok(
    'select api.create_my_calendar()', 'TM302', null,
    'create_my_calendar: a session without the required second factor is refused');

select * from finish();
rollback;
