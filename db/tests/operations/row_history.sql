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

select is(count(*), 2::bigint, 'row_history: a row has one version for each change') from version;
select collect_tap(
    is(v.operation, 'INSERT', 'row_history: the first version is the insert'),
    is(v."row" ->> 'status', 'scheduled',
        'row_history: the first version has the values of the insert'),
    is(v.user_id, pg_temp.id_of('patient'),
        'row_history: the first version has the user who made it'),
    is(v.role, 'patient', 'row_history: the first version has that user''s role'),
    is(v.valid_until, n.valid_from, 'row_history: a version ends when the next one begins'))
from version as v, version as n where v.ordinality = 1 and n.ordinality = 2;
select collect_tap(
    is(v."row" ->> 'notes', 'All is well', 'row_history: the last version has the present values'),
    is(v.request_id, 'completion',
        'row_history: the last version has the request id of its change'),
    is(v.valid_until, null, 'row_history: the last version has no end'),
    is(v."row", (select to_jsonb(c) from app.consultations as c where c.id = :'booking'),
        'row_history: the last version has every column of the row'))
from version as v where v.ordinality = 2;

-- At a time
select v.valid_from as first from version as v where ordinality = 1 \gset
select v.valid_from as second from version as v where ordinality = 2 \gset
set local role telemed_dba;
select results_eq(
    format($$ select v."row" ->> 'status' from ops.row_history('consultations', %L, %L) as v $$,
        :'booking', t.at), t.statuses, t.sentence)
from (values
    (timestamptz :'first' - interval '1 microsecond', '{}'::text[],
     'row_history: at a time before the insert there is no version'),
    (:'first', '{scheduled}',
     'row_history: at the moment of the insert the first version is in force'),
    (timestamptz :'second' - interval '1 microsecond', '{scheduled}',
     'row_history: just before the update the first version is in force'),
    (:'second', '{completed}',
     'row_history: at the moment of the update the second version is in force'),
    (now() + interval '1 year', '{completed}',
     'row_history: at a later time the last version is in force'))
    as t (at, statuses, sentence);
select is(count(*), 2::bigint,
    'row_history: the id of a prescription selects the versions of all its items')
from ops.row_history('prescription_items', :'prescription');
select is_empty(
    format('select * from ops.row_history(%L, %L)', 'consultations', :'prescription'),
    'row_history: an unknown row has no versions');
select is_empty(
    format('select * from ops.row_history(%L, %L) where "row" ? %L', 'users', pg_temp.id_of('doctor'),
        'password_hash'),
    'row_history: a version does not contain the password hash');

select cmp_ok(count(*), '>=', 1::bigint,
    'row_history: a primary key that is not a UUID is accepted')
from ops.row_history('roles', 'admin');
select is(count(*), 0::bigint, 'row_history: an id that names no row has no versions')
from ops.row_history('consultations', 'nothing');

-- Entries in the access log
reset role;
select is(
    (select array_agg(l.resource_ids::text order by l.id) from app.access_logs as l
     where l.operation = 'row_history' and :'booking' = any (l.resource_ids)),
    array_fill(format('{%s}', :'booking'::text), array[7]),
    'row_history: each call about a consultation or its prescriptions has an entry in the access '
    'log');

set local role telemed_dba;
select throws_ok(
    format('select ops.row_history(%L, %L)', t.name, 'x'), 'TM201', null,
    format('row_history: the table %s, which is not in the audit log, is refused', t.name))
from (values ('secrets'), ('audit_seals')) as t (name);
set local role telemed_auditor;
select throws_ok(
    $$ select ops.row_history('consultations', 'x') $$, '42501', null,
    'row_history: an auditor cannot call it');

select * from finish();
rollback;
