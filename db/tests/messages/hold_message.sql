begin;
\ir ../helpers/actors.psql
\ir ../helpers/messages.psql
select plan(10);
reset role;

select pg_temp.open_slot('doctor', '2027-01-06 09:00:00+00') as slot \gset
select pg_temp.booking('patient', :'slot') as consultation \gset
select pg_temp.dispatch();
select pg_temp.message('patient', 'booked') as booked \gset

select is(work.hold_message(:'booked', 0), false,
    'hold_message: a message that no worker has is not handed over');
select pg_temp.claim(:'booked') as attempt \gset
select is(work.hold_message(:'booked', :attempt + 1), false,
    'hold_message: another attempt does not hand the message over');
select is(work.hold_message(:'booked', :attempt), true,
    'hold_message: the worker that has the message hands it over');
select is(current_setting('idle_in_transaction_session_timeout'), '1s',
    'hold_message: the locks last for a second of idleness at most');
select is(m.status, 'sending', 'hold_message: the message is not settled by it')
from app.messages as m where m.id = :'booked';
select pg_temp.set_clock('2027-01-04 08:01:29+00');
select is(work.hold_message(:'booked', :attempt), true,
    'hold_message: a lease of 31 seconds is enough');
select pg_temp.set_clock('2027-01-04 08:01:30+00');
select is(work.hold_message(:'booked', :attempt), false,
    'hold_message: a lease that ends soon is too short to hand the message over');
select pg_temp.set_clock('2027-01-04 08:00:00+00');

select api.cancel_consultation(:'consultation') \g /dev/null
select is(work.hold_message(:'booked', :attempt), false,
    'hold_message: a message about a consultation that was cancelled after the claim is held back');
select results_eq(
    format($$ select status, reason::text, lease_ends_at::timestamptz from app.messages
              where id = %L $$, :'booked'),
    $$ values ('skipped', 'cancelled', null::timestamptz) $$,
    'hold_message: it is settled as skipped, with the reason');
select is(work.settle_message(:'booked', :attempt), false,
    'settle_message: a skipped message is not settled as sent');
set local idle_in_transaction_session_timeout = 0;

select * from finish();
rollback;
