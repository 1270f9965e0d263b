begin;
\ir ../helpers/actors.psql
select plan(11);
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
select throws_ok('delete from app.event_origin', 'TM912', null,
    'event_origin: its row cannot be deleted');
select throws_ok('truncate app.event_origin', 'TM912', null,
    'event_origin: the table cannot be truncated');
select throws_ok(
    $$ insert into app.event_origin (only_row, system_identifier) values (false, 1) $$,
    '23514', null, 'event_origin: there is one row');
select throws_ok('update app.event_origin set first_id = 0', '23514', null,
    'event_origin: the first event has an id above zero');

select * from finish();
rollback;
