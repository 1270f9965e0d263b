begin;
\ir ../helpers/actors.psql
\ir ../helpers/reads.psql
select plan(38);
reset role;

-- The transaction of this test is open, so that nobody could read its events: they get an older one.
create function pg_temp.settle(p_transaction_id xid8 default '3') returns void language plpgsql
as $$
begin
    set local session_replication_role = replica;
    update app.events set transaction_id = p_transaction_id
    where transaction_id = pg_current_xact_id();
    set local session_replication_role = origin;
end;
$$;
create function pg_temp.ids(p_call text) returns bigint[] language plpgsql
as $$
declare
    v_ids bigint[];
begin
    perform pg_temp.sign_in('admin');
    execute format('select array(select e.id from api.list_events(%s) as e)', p_call) into v_ids;
    return v_ids;
end;
$$;
create function pg_temp.cursor() returns text language sql
as $$ select current_setting('app.next_cursor') $$;

select is(pg_temp.ids(''), '{}', 'list_events: events of a transaction that is open are left out');
select isnt(pg_temp.cursor(), '', 'list_events: an empty page has a cursor');
select pg_temp.cursor() as start \gset
select is(pg_temp.ids(format('%L', :'start')), '{}', 'list_events: an empty page can be continued');
select is(pg_temp.cursor(), :'start', 'list_events: a cursor at the end stays the same');

set local session_replication_role = replica;
delete from app.events;
delete from app.latest_events;
set local session_replication_role = origin;
select pg_temp.sign_in('nobody');
select gen_random_uuid() as one, gen_random_uuid() as two \gset
select app.add_event('consultation.booked', '{}', :'one') as a \gset
select app.add_event('consultation.booked', '{}', :'two') as b \gset
select pg_temp.settle('5') \g /dev/null
select app.add_event('account.created', '{}', p_user_id => pg_temp.id_of('patient')) as c \gset
select app.add_event('slot.opened') as d \gset
select pg_temp.settle('4') \g /dev/null
select app.add_event('account.activated', '{}', p_user_id => pg_temp.id_of('patient')) as e \gset

-- Order and pages
select is(pg_temp.ids(''), array[:c, :d, :a, :b]::bigint[],
    'list_events: events are in the order of their transactions and ids');
select pg_temp.cursor() as last \gset
select is(pg_temp.ids('p_limit => 1'), array[:c]::bigint[],
    'list_events: p_limit bounds the length of the page');
select is(pg_temp.ids(format('%L, p_limit => 2', pg_temp.cursor())), array[:d, :a]::bigint[],
    'list_events: a page continues after the cursor');
select is(pg_temp.ids(format('%L', pg_temp.cursor())), array[:b]::bigint[],
    'list_events: the last page has the rest');
select is(pg_temp.cursor(), :'last', 'list_events: pages of another length end at the same cursor');
select pg_temp.ids(format('%L', :'last')) \g /dev/null
select is(pg_temp.cursor(), :'last',
    'list_events: an empty page after the last event has the same cursor');
select pg_temp.settle('5') \g /dev/null
select is(pg_temp.ids(format('%L', :'last')), array[:e]::bigint[],
    'list_events: a later event comes after the cursor');

-- Types
select is(pg_temp.ids(format('p_type => %L', v.types)), v.ids, v.sentence)
from (values
    ('{consultation.booked}', array[:a, :b]::bigint[],
     'list_events: p_type selects the events of a type'),
    ('{slot.opened,account.created}', array[:c, :d],
     'list_events: p_type selects the events of several types'),
    ('{consultation.moved}', '{}', 'list_events: an unknown type selects nothing'))
    as v (types, ids, sentence);
select is(pg_temp.ids(format('%L', pg_temp.cursor())), '{}',
    'list_events: the cursor of an empty page with a filter is behind the events it looked at');
select is(pg_temp.ids('p_type => ''{consultation.booked}'', p_limit => 1'), array[:a]::bigint[],
    'list_events: a filtered page ends with its last event');
select is(pg_temp.ids(format('%L, ''{consultation.booked}''', pg_temp.cursor())),
    array[:b]::bigint[], 'list_events: a filtered page continues after its last event');

-- After events were dropped
savepoint intact;
update app.event_origin set drops = drops + 1, dropped_id = :b, dropped_transaction_id = '5';
select is(pg_temp.refusal('admin', format('select api.list_events(%L)', v.cursor)), v.refusal,
    'list_events: ' || v.sentence)
from (values
    (:'start', 'TM211 after', 'a cursor before events that were dropped is refused'),
    (:'last', null, 'a cursor of the last event that was dropped goes on'),
    (null, null, 'a reader without a cursor gets what is kept')) as v (cursor, refusal, sentence);
select is(pg_temp.ids('p_limit => 1'), array[:c]::bigint[],
    'list_events: a page after a drop has an event from before one that was dropped');
select pg_temp.cursor() as begun_again \gset
select is(pg_temp.ids(format('%L, p_limit => 1', :'begun_again')), array[:d]::bigint[],
    'list_events: a reader that began after the drop gets its second page');
select is(pg_temp.ids(format('%L, p_limit => 1', pg_temp.cursor())), array[:a]::bigint[],
    'list_events: that reader gets its third page');
update app.event_origin set drops = drops + 1;
select is(pg_temp.refusal('admin', format('select api.list_events(%L)', :'begun_again')),
    'TM211 after', 'list_events: another drop refuses that reader');
rollback to intact;

-- The first event that a database has
set local session_replication_role = replica;
update app.event_origin set first_id = :a;
set local session_replication_role = origin;
select is(pg_temp.ids(''), array[:c, :d, :a, :b, :e]::bigint[],
    'list_events: the first event of a cluster is there');
select is(array_agg(n.id), array[:b, :e]::bigint[], 'next_events: it goes on behind that event')
from app.next_events('5', :a, 10) as n;

-- A cursor with the number of a transaction that has not begun yet
select pg_temp.sign_in('admin');
select app.require_role('admin') \g /dev/null
select app.set_next_cursor('list_events', jsonb_build_array(
    '99999999999', :e::bigint, :a::bigint)) \g /dev/null
select pg_temp.cursor() as of_the_future \gset
select is(
    pg_temp.refusal('admin', format('select api.list_events(%L)', :'of_the_future')), 'TM201 after',
    'list_events: a cursor with a transaction that this cluster has not begun is refused');

-- After a restore into another cluster, whose transactions begin at a low number
set local session_replication_role = replica;
update app.events set transaction_id = (99999999999 - id)::text::xid8;
update app.event_origin set system_identifier = system_identifier - 1;
set local session_replication_role = origin;
select is(pg_temp.ids(''), array[:a, :b, :c, :d, :e]::bigint[],
    'list_events: events of another cluster come in the order of their ids');
select is(pg_temp.ids(format('%L', :'last')), array[:c, :d, :e]::bigint[],
    'list_events: a cursor from before a restore goes on after the id of its event');
select pg_temp.cursor() as restored \gset
select app.add_event('account.deactivated', p_user_id => pg_temp.id_of('patient')) as f \gset
select pg_temp.settle('4') \g /dev/null
select is(pg_temp.ids(format('%L', :'restored')), array[:f]::bigint[],
    'list_events: new events come after those of another cluster, whatever their transactions');
select pg_temp.cursor() as ahead \gset
insert into app.events (id, type) overriding system value values (1, 'account.created');
select is(pg_temp.ids(''), array[1, :a, :b, :c, :d, :e, :f]::bigint[],
    'list_events: the very first event of another cluster is there');
select is(array_agg(n.id), array[1, :a, :b, :c, :d]::bigint[],
    'next_events: events of another cluster count for the limit')
from app.next_events('0', 0, 5) as n;
select is(array_agg(n.id), array[:e, :f]::bigint[],
    'next_events: events of this cluster fill the rest of the page')
from app.next_events('0', :d, 2) as n;
set local session_replication_role = replica;
update app.event_origin set first_id = :f;
set local session_replication_role = origin;
select is(pg_temp.refusal('admin', format('select api.list_events(%L)', :'ahead')), 'TM201 after',
    'list_events: a cursor behind the last event that a restore has brought is refused');

-- Callers
select is(pg_temp.refusal(v.actor, v.call), v.code, v.sentence)
from (values
    ('doctor', 'select api.list_events()', 'TM301', 'list_events: a doctor is refused'),
    ('admin', 'select api.list_events(''x'')', 'TM201 after',
     'list_events: a cursor that is not from this list is refused'),
    ('admin', 'select api.list_events(p_limit => 0)', 'TM201 limit',
     'list_events: a limit of 0 is refused')) as v (actor, call, code, sentence);

-- The access log
select pg_temp.records_read('list_events', 'admin',
    'p_type => ''{account.created}''', pg_temp.id_of('patient'));

select * from finish();
rollback;
