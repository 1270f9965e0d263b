begin;
\ir ../helpers/actors.psql
select plan(40);
reset role;

create function pg_temp.restore() returns void language sql
as $$
    set local session_replication_role = replica;
    update app.event_origin set system_identifier = system_identifier - 1;
    set local session_replication_role = origin;
$$;

select results_eq(
    'select system_identifier from app.event_origin',
    'select system_identifier from pg_control_system()',
    'event_origin: a deployment writes the cluster');
select is(app.first_event_of_cluster(), 1::bigint,
    'first_event_of_cluster: in its own cluster a database has all events');
select is_empty(
    $$ select l.mode from pg_locks as l
       where l.relation = 'app.events'::regclass and l.pid = pg_backend_pid()
         and l.mode ~ 'ShareRow|Exclusive' and l.mode <> 'RowExclusiveLock' $$,
    'first_event_of_cluster: readers do not hold writers up there');
select app.add_event('account.created') as before \gset
select pg_temp.restore() \g /dev/null
select cmp_ok(app.first_event_of_cluster(), '>', :before::bigint,
    'first_event_of_cluster: in another cluster all events come from before');
select app.first_event_of_cluster() as first \gset
select is(app.first_event_of_cluster(), :first::bigint,
    'first_event_of_cluster: a second call changes nothing');
select cmp_ok(app.add_event('account.created'), '>', :first::bigint,
    'first_event_of_cluster: a later event belongs to the cluster');
select results_eq(
    'select system_identifier from app.event_origin',
    'select system_identifier from pg_control_system()',
    'first_event_of_cluster: the cluster is noted');

-- Events that were dropped
create function pg_temp.is_kept(
    p_transaction_id xid8, p_id bigint, p_drops integer default 1)
returns boolean language plpgsql
as $$
begin
    perform app.require_kept_events(p_transaction_id, p_id, p_drops);
    return true;
exception when sqlstate 'TM211' then
    return false;
end;
$$;
update app.event_origin
set drops = 2, first_id = 100, dropped_id = 200, dropped_transaction_id = '50';
select is(pg_temp.is_kept(v.transaction_id, v.id), v.is_kept, 'require_kept_events: ' || v.sentence)
from (values
    ('0'::xid8, 0::bigint, false, 'a reader who has read nothing has missed what was dropped'),
    ('49', 300, false, 'so has one with an older transaction, whatever its id'),
    ('50', 199, false, 'and one with a lower id in the last transaction'),
    ('50', 200, true, 'one who has read the last event that was dropped goes on'),
    ('51', 150, true, 'so does one with a later transaction, whatever its id'),
    ('900', 99, false, 'an event of before a restore comes before them'),
    ('51', 100, true, 'the first event of the cluster does not'))
    as v (transaction_id, id, is_kept, sentence);
select is(pg_temp.is_kept('49', 300, v.drops), v.is_kept, 'require_kept_events: ' || v.sentence)
from (values
    (2, true, 'a reader that began after the last drop has missed nothing'),
    (1, false, 'one that began before it is refused'),
    (3, false, 'so is one that began before a restore'),
    (null, true, 'the first page has no place yet')) as v (drops, is_kept, sentence);
select is(app.require_kept_events('0', 0, null), 2,
    'require_kept_events: it returns the number of drops for the first page');
select is(app.require_kept_events('51', 150, 1), 1,
    'require_kept_events: it returns the number of the reader for later pages');
update app.event_origin set dropped_id = 90, dropped_transaction_id = '0';
select is(pg_temp.is_kept(v.transaction_id, v.id), v.is_kept, 'require_kept_events: ' || v.sentence)
from (values
    ('900'::xid8, 89::bigint, false, 'events of before a restore are compared by their ids'),
    ('3', 90, true, 'one who has read the last of them goes on'),
    ('1', 100, true, 'events of the cluster come after them'))
    as v (transaction_id, id, is_kept, sentence);
update app.event_origin set dropped_transaction_id = '50';
select pg_temp.restore() \g /dev/null
select app.first_event_of_cluster() \g /dev/null
select is((select o.dropped_transaction_id from app.event_origin as o), '0'::xid8,
    'first_event_of_cluster: transactions of dropped events do not count in another cluster');

-- A month that is about to be dropped
select date_trunc('month', now() at time zone 'UTC')::date as month \gset
savepoint before;
insert into app.events (occurred_at, type, transaction_id)
select (:'month'::timestamp + make_interval(months => v.months)) at time zone 'UTC',
    'account.created', v.transaction_id
from (values (1, '7'::xid8), (1, '5'), (2, '9')) as v (months, transaction_id);
select max(e.id) as last from app.events as e \gset
update app.event_origin
set drops = 0, first_id = :last - 2, dropped_id = 0, dropped_transaction_id = '0';
select app.note_dropped_events((:'month'::date + interval '1 month')::date) \g /dev/null
select results_eq(
    'select drops, dropped_id, dropped_transaction_id from app.event_origin',
    format($$ values (1, %s::bigint - 1, '7'::xid8) $$, :last),
    'note_dropped_events: the highest id and the last transaction of the month are noted');
rollback to before;

-- Months that were dropped by hand
select is(o.first_month, :'month'::date,
    'event_origin: the month of the deployment is the first that has to be there')
from app.event_origin as o;
select is_empty('select * from app.missing_months_of_events()',
    'missing_months_of_events: a deployment creates every month');
savepoint whole;
select format('drop table app.%I',
    to_char(:'month'::date + interval '1 month', '"events_"YYYY_MM')) \gexec
select results_eq(
    'select * from app.missing_months_of_events()',
    format($$ values ((%L::date + interval '1 month')::date) $$, :'month'),
    'missing_months_of_events: the months of other tables do not count');
rollback to whole;
update app.event_origin set first_month = first_month - interval '3 months', drops = 0, dropped_id = 0;
select results_eq(
    'select m from app.missing_months_of_events() as m order by m',
    format('select (%L::date - make_interval(months => n))::date from unnest(array[3, 2, 1]) as n',
        :'month'),
    'missing_months_of_events: each month without a partition since the first is missing');
savepoint missing;
select app.note_missing_events((:'month'::date - interval '3 months')::date) \g /dev/null
select is((select o.drops from app.event_origin as o), 0,
    'note_missing_events: a missing month that has to be kept is not noted');
select app.note_missing_events((:'month'::date - interval '2 months')::date) \g /dev/null
select results_eq(
    'select drops, first_month, dropped_transaction_id from app.event_origin',
    format('values (1, (%L::date - interval ''2 months'')::date, pg_current_xact_id())', :'month'),
    'note_missing_events: after a missing month every reader begins again');
select is((select o.dropped_id from app.event_origin as o), (select min(e.id) from app.events as e),
    'note_missing_events: what is missing came before the first event that is kept');
select app.note_missing_events((:'month'::date - interval '3 months')::date) \g /dev/null
select is(o.first_month, (:'month'::date - interval '2 months')::date,
    'note_missing_events: an earlier month changes nothing')
from app.event_origin as o;
rollback to missing;
set local session_replication_role = replica;
delete from app.events;
set local session_replication_role = origin;
select app.note_missing_events(:'month') \g /dev/null
select is(o.dropped_id, s.last_value,
    'note_missing_events: without an event that is kept, all that were written may be missing')
from app.event_origin as o cross join app.events_id_seq as s;
rollback to missing;
insert into app.events (occurred_at, type)
select (:'month'::timestamp + make_interval(months => 1, days => n)) at time zone 'UTC',
    'account.created'
from generate_series(0, 1) as n;
select app.note_missing_events((:'month'::date + interval '1 month')::date) \g /dev/null
select is(o.dropped_id, (select max(e.id) - 1 from app.events as e),
    'note_missing_events: an event of the first instant of a month belongs to it')
from app.event_origin as o;
rollback to missing;

select throws_ok('delete from app.event_origin', 'TM912', null,
    'event_origin: its row cannot be deleted');
select throws_ok('truncate app.event_origin', 'TM912', null,
    'event_origin: the table cannot be truncated');
select throws_ok(
    $$ insert into app.event_origin (only_row, system_identifier) values (false, 1) $$,
    '23514', null, 'event_origin: there is one row');
select throws_ok('insert into app.event_origin (system_identifier) values (1)', '23505', null,
    'event_origin: a second row is refused');
select throws_ok('update app.event_origin set first_id = 0', '23514', null,
    'event_origin: the first event has an id above zero');

select * from finish();
rollback;
