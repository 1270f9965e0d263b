begin;
\ir ../helpers/actors.psql
select plan(13);
reset role;
select pg_temp.set_clock('2027-01-04 08:00+00') \g /dev/null

create function pg_temp.advice()
returns text language sql security definer
as $$
    select a.severity || ': ' || a.found from ops.advise() as a where a.subject = 'backup'
$$;
select is(pg_temp.advice(), 'warning: none is recorded',
    'record_backup: advise warns of a database without a backup');
set local role telemed_dba;
select ops.record_backup('pgbackrest') as finished_at \gset
reset role;
select is(:'finished_at'::timestamptz, app.clock(), 'record_backup: it returns the time');
select is(pg_temp.advice(), null, 'record_backup: a backup of today gets no advice');
select results_eq(
    $$ select b.method, b.finished_at::timestamptz from app.backups as b $$,
    $$ select 'pgbackrest', app.clock() $$, 'record_backup: it writes method and time');
select is(l.new ->> 'method', 'pgbackrest', 'record_backup: the audit log has the backup')
from app.audit_logs as l where l.table_name = 'backups' order by l.id desc limit 1;
insert into app.backups (method, finished_at) values ('later', '2027-01-05 08:00+00');

select pg_temp.set_clock('2027-01-06 10:00+00') \g /dev/null
select is(pg_temp.advice(), null, 'record_backup: a backup of 26 hours ago gets no advice');
select pg_temp.set_clock('2027-01-06 10:00:01+00') \g /dev/null
select is(pg_temp.advice(), 'warning: the last one was made at 2027-01-05 08:00 UTC',
    'record_backup: advise warns if the newest backup is older than 26 hours');

select is(
    pg_temp.refusal('nobody', format('select ops.record_backup(%L)', v.method)), v.refusal,
    'record_backup: ' || v.sentence)
from (values
    (null, 'TM201 method', 'no method is refused'),
    ('', 'TM201 method', 'an empty method is refused'),
    (repeat('x', 101), 'TM201 method', 'a method of 101 characters is refused'),
    (E'a\nb', 'TM201 method', 'a method of two lines is refused'),
    (repeat('x', 100), null, 'a method of 100 characters is accepted')
) as v (method, refusal, sentence);
set local role telemed_api;
select throws_ok(
    $$ select ops.record_backup('x') $$, '42501', null,
    'record_backup: the REST API cannot call it');

select * from finish();
rollback;
