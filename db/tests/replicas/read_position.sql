begin;
\ir ../helpers/actors.psql
select plan(5);

select pg_temp.sign_in('nobody');
set local role telemed_api;
select matches(api.read_position(), '^[0-9]+-[0-9]+-[0-9]+$',
    'read_position: it is a server, a timeline and the number of a transaction');
reset role;
insert into app.specialties (code, name) values ('position', 'Position');
set local role telemed_api;
select is(split_part(api.read_position(), '-', 3), pg_current_xact_id()::text,
    'read_position: a transaction that writes gets its own number');
select alike(
    api.read_position(), format('%s-%s-%%', s.system_identifier, c.timeline_id),
    'read_position: the timeline is that of the server')
from pg_control_system() as s
cross join pg_control_checkpoint() as c;
reset role;
select is(
    (select p.provolatile from pg_proc as p where p.oid = 'api.read_position'::regproc), 'v',
    'read_position: it sees the write of the statement that calls it');
set local role telemed_auditor;
select throws_ok('select api.read_position()', '42501', null,
    'read_position: an auditor cannot call it');

select * from finish();
rollback;
