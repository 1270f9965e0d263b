begin;
\ir ../helpers/actors.psql
select plan(4);

reset role;
insert into app.access_logs (id, kind, operation, resource_ids) overriding system value
select last_value + 1000, 'read', 'x', '{}' from app.access_logs_id_seq;

set local role telemed_dba;
select results_eq(
    'select s.sequence_name, s.last_number from ops.advance_sequences() as s',
    'select ''app.access_logs_id_seq'', max(l.id) from ops.access_logs as l',
    'advance_sequences: a sequence that is behind its column moves to the highest number there');
select is_empty(
    'select * from ops.advance_sequences()',
    'advance_sequences: a second call moves nothing');
reset role;
select is_empty(
    'select * from app.lagging_sequences()',
    'advance_sequences: afterwards no sequence is behind');
insert into app.access_logs (kind, operation, resource_ids) values ('read', 'next', '{}');
select is(
    (select l.id from app.access_logs as l where l.operation = 'next'),
    (select l.id + 1 from app.access_logs as l where l.operation = 'x'),
    'advance_sequences: the next row gets the next number');

select * from finish();
rollback;
