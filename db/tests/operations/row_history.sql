begin;
\ir ../helpers/actors.psql
select plan(24);
select pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00') as slot \gset
select pg_temp.booking('patient', :'slot') as booking \gset
select pg_temp.sign_in('doctor', p_request_id => 'completion');
select api.complete_consultation(:'booking', 'All is well') \g /dev/null
select id as prescription from api.issue_prescription(
    :'booking', '[{"drug": "Ibuprofen", "dosage": "400 mg"}, {"drug": "Water", "dosage": "2 l"}]') \gset
reset role;
create temp table version as
select * from ops.row_history('consultations', :'booking') with ordinality;
grant select on version to telemed_dba;

select is(count(*), 2::bigint, 'a row has a version for each change') from version;
select collect_tap(
    is(v.operation, 'INSERT', 'the first is how it began'),
    is(v."row" ->> 'status', 'scheduled', 'with what it was then'),
    is(v.user_id, pg_temp.id_of('patient'), 'who made it so'),
    is(v.role, 'patient', 'in which role'),
    is(v.valid_until, n.valid_from, 'until the next one'))
from version as v, version as n where v.ordinality = 1 and n.ordinality = 2;
select collect_tap(
    is(v."row" ->> 'notes', 'All is well', 'the last is how it is'),
    is(v.request_id, 'completion', 'since which request'),
    is(v.valid_until, null, 'up to now'),
    is(v."row", (select to_jsonb(c) from app.consultations as c where c.id = :'booking'),
        'with every column'))
from version as v where v.ordinality = 2;

-- At a time
select v.valid_from as first from version as v where ordinality = 1 \gset
select v.valid_from as second from version as v where ordinality = 2 \gset
set local role telemed_dba;
select results_eq(
    format($$ select v."row" ->> 'status' from ops.row_history('consultations', %L, %L) as v $$,
        :'booking', t.at), t.statuses, t.sentence)
from (values
    (timestamptz :'first' - interval '1 microsecond', '{}'::text[], 'before it began it was not'),
    (:'first', '{scheduled}', 'when it began it was what it was made as'),
    (timestamptz :'second' - interval '1 microsecond', '{scheduled}', 'until it changed'),
    (:'second', '{completed}', 'from then on it was what it became'),
    (now() + interval '1 year', '{completed}', 'and will be')) as t (at, statuses, sentence);
select is(count(*), 2::bigint, 'items of a prescription are found by their prescription')
from ops.row_history('prescription_items', :'prescription');
select is_empty(
    format('select * from ops.row_history(%L, %L)', 'consultations', :'prescription'),
    'a row that never was has no history');
select is_empty(
    format('select * from ops.row_history(%L, %L) where "row" ? %L', 'users', pg_temp.id_of('doctor'),
        'password_hash'),
    'secrets are not in it');

select cmp_ok(count(*), '>=', 1::bigint, 'a row may have a name that is no UUID')
from ops.row_history('roles', 'admin');
select is(count(*), 0::bigint, 'or none that there is')
from ops.row_history('consultations', 'nothing');

-- It is written down
reset role;
select is(
    (select array_agg(l.resource_ids::text order by l.id) from app.access_logs as l
     where l.operation = 'row_history' and :'booking' = any (l.resource_ids)),
    array_fill(format('{%s}', :'booking'::text), array[7]),
    'each look at a consultation, or at what was prescribed in it, is in the access log');

set local role telemed_dba;
select throws_ok(
    format('select ops.row_history(%L, %L)', t.name, 'x'), 'TM201', null,
    t.name || ' have no trail and so no history')
from (values ('secrets'), ('audit_seals')) as t (name);
set local role telemed_auditor;
select throws_ok(
    $$ select ops.row_history('consultations', 'x') $$, '42501', null,
    'an auditor reads the trail itself');

select * from finish();
rollback;
