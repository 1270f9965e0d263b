begin;
\ir ../helpers/actors.psql
select plan(23);
reset role;

create function pg_temp.write(
    p_type text, p_consultation_id uuid default null, p_number integer default null,
    p_predecessor bigint default null, p_data jsonb default '{}')
returns bigint language sql
as $$
    insert into app.events (type, consultation_id, sequence_number, predecessor_id, data)
    values (p_type, p_consultation_id, p_number, p_predecessor, p_data)
    returning id
$$;

-- The columns of a row
select pg_temp.write('account.created') as event \gset
select collect_tap(
    is(e.database_login, session_user, 'events: an event has the database login'),
    is(e.transaction_id, pg_current_xact_id(), 'events: an event has its transaction'),
    cmp_ok(e.occurred_at::timestamptz, '>=', now(),
        'events: the time of an event is not before the start of its transaction'))
from app.events as e where e.id = :event;
select lives_ok(
    $$ select pg_temp.write('consultation.booked', gen_random_uuid(), 1) $$,
    'events: the first event of a consultation has no predecessor');
select lives_ok(
    $$ select pg_temp.write('consultation.cancelled', gen_random_uuid(), 2, 1) $$,
    'events: a later event of a consultation has a predecessor');
select throws_ok(
    format('select pg_temp.write(%s)', v.arguments), '23514', null, v.sentence)
from (values
    ($$ 'consultation.moved' $$, 'events: an unknown type is rejected'),
    ($$ 'consultation.booked', gen_random_uuid() $$,
     'events: an event of a consultation without a number is rejected'),
    ($$ 'account.created', null, 1 $$, 'events: a number without a consultation is rejected'),
    ($$ 'consultation.cancelled', gen_random_uuid(), 2 $$,
     'events: the second event of a consultation without a predecessor is rejected'),
    ($$ 'consultation.booked', gen_random_uuid(), 1, 1 $$,
     'events: the first event of a consultation with a predecessor is rejected'),
    ($$ 'account.created', p_data => '[]' $$, 'events: data that is no object is rejected'))
    as v (arguments, sentence);

-- Append-only
select throws_ok(
    format('update app.events set data = %L where id = %s', '{"a": 1}', :event), 'TM912', null,
    'events: an event cannot be updated');
select throws_ok(
    format('delete from app.events where id = %s', :event), 'TM912', null,
    'events: an event cannot be deleted');
select throws_ok('truncate app.events', 'TM912', null, 'events: the table cannot be truncated');
select pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00') as slot \gset
select pg_temp.booking('patient', :'slot') as booking \gset
select throws_ok(
    format('insert into app.latest_events (consultation_id, event_id, transaction_id)'
        ' values (%L, 1, %L)', :'booking', '1'),
    '23505', null, 'latest_events: a consultation has one newest event');
select throws_ok(
    $$ insert into app.latest_events values (gen_random_uuid(), 0, 1, null, '1') $$,
    '23514', null, 'latest_events: numbers begin at 1');
select throws_ok('delete from app.latest_events', 'TM912', null,
    'latest_events: a row cannot be deleted');
select throws_ok('truncate app.latest_events', 'TM912', null,
    'latest_events: the table cannot be truncated');

-- Readers
set local role telemed_dba;
select isnt_empty('select * from ops.events', 'a DBA can read ops.events');
select throws_ok('delete from ops.events', '42501', null, 'a DBA cannot delete from ops.events');
select throws_ok('select * from app.events', '42501', null, 'a DBA cannot read app.events');
set local role telemed_auditor;
select throws_ok('select * from ops.events', '42501', null, 'an auditor cannot read ops.events');
set local role telemed_api;
select throws_ok('select * from api.events', '42501', null,
    'the REST API cannot select from api.events');

select * from finish();
rollback;
