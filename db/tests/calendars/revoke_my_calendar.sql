begin;
\ir ../helpers/actors.psql
select plan(8);

select pg_temp.sign_in('doctor');
select token as of_doctor from api.create_my_calendar() \gset
select pg_temp.sign_in('patient');
select token from api.create_my_calendar() \gset
select lives_ok(
    'select api.revoke_my_calendar()', 'revoke_my_calendar: the user revokes their calendar');
select lives_ok(
    'select api.revoke_my_calendar()',
    'revoke_my_calendar: without a calendar, the call changes nothing');
select is(pg_temp.refusal('nobody', format('select api.get_calendar_feed(%L)', :'token')), 'TM450',
    'revoke_my_calendar: the address is unknown afterwards');
select is(pg_temp.refusal('nobody', format('select api.get_calendar_feed(%L)', :'of_doctor')), null,
    'revoke_my_calendar: the calendars of others stay');
reset role;
select is(f.revoked_at::timestamptz, '2027-01-04 08:00:00+00',
    'revoke_my_calendar: the end of the calendar is kept')
from app.calendar_feeds as f where f.user_id = pg_temp.id_of('patient');
select is(count(*), 1::bigint, 'revoke_my_calendar: the audit log has the change once')
from app.audit_logs as l
where l.table_name = 'calendar_feeds' and l.operation = 'UPDATE'
  and l.user_id = pg_temp.id_of('patient');
set local role telemed_api;
select is(pg_temp.refusal(v.actor, 'select api.revoke_my_calendar()'), v.refusal,
    'revoke_my_calendar: ' || v.sentence)
from (values
    ('admin', 'TM301', 'an admin has no calendar'),
    ('nobody', 'TM101', 'a caller without a context is refused')
) as v (actor, refusal, sentence);

select * from finish();
rollback;
