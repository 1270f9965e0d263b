begin;
\ir ../helpers/actors.psql
select plan(3);

reset role;
select is_empty(
    'select * from app.lagging_sequences()',
    'lagging_sequences: no sequence is behind in a database whose rows were numbered by them');
select set_eq(
    $$ select format('%s.%s', s.schemaname, s.sequencename)::regclass::text from pg_sequences as s
       where s.schemaname in ('app', 'procrastinate') $$,
    $$ select d.objid::regclass::text from pg_depend as d
       inner join pg_class as s on s.oid = d.objid and s.relkind = 'S'
       where d.classid = 'pg_class'::regclass and d.refobjsubid > 0 and d.deptype in ('a', 'i')
         and s.relnamespace in ('app'::regnamespace, 'procrastinate'::regnamespace) $$,
    'lagging_sequences: every sequence belongs to a column');

set local session_replication_role = replica;
insert into app.events (id, type, data) overriding system value
select last_value + 1000, 'account.created', '{}' from app.events_id_seq;
select results_eq(
    'select s.sequence_name, s.highest from app.lagging_sequences() as s',
    'select ''app.events_id_seq'', max(e.id) from app.events as e',
    'lagging_sequences: a sequence that is behind comes with the highest number of its column');

select * from finish();
rollback;
