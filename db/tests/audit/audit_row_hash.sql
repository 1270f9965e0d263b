begin;
\ir ../helpers/actors.psql
select plan(19);
reset role;

-- A row that is always the same
create function pg_temp.log()
returns app.audit_logs language sql
as $$
    select row(
        7, '2027-01-04 09:00:00.000001+00', 'charts', 'c-1', 'UPDATE',
        '{"b": "\u00e9\n", "a": 1.50}', '{"a": null}', '01a21439-b51e-75ce-aecf-28c6a6d2f373',
        'doctor', 'telemed_api', 'request-1', null)::app.audit_logs
$$;

select is(
    app.audit_row_hash(pg_temp.log()),
    sha256(convert_to(
        '[7, 1799053200000001, "charts", "c-1", "UPDATE", {"a": 1.50, "b": "é\n"},'
        ' {"a": null}, "01a21439-b51e-75ce-aecf-28c6a6d2f373", "doctor", "telemed_api",'
        ' "request-1"]', 'UTF8')),
    'a hash is the SHA-256 of the row in the order of its columns');
set local timezone = 'Asia/Tokyo';
set local bytea_output = escape;
set local extra_float_digits = 0;
set local datestyle = 'German';
set local intervalstyle = 'iso_8601';
select is(
    encode(app.audit_row_hash(pg_temp.log()), 'hex'),
    encode(sha256(convert_to(
        '[7, 1799053200000001, "charts", "c-1", "UPDATE", {"a": 1.50, "b": "é\n"},'
        ' {"a": null}, "01a21439-b51e-75ce-aecf-28c6a6d2f373", "doctor", "telemed_api",'
        ' "request-1"]', 'UTF8')), 'hex'),
    'whatever the settings of the session');
reset timezone;
reset bytea_output;
reset datestyle;

create function pg_temp.hash_with(p_column text, p_value text)
returns bytea language plpgsql
as $$
declare
    v_log app.audit_logs := pg_temp.log();
begin
    return app.audit_row_hash(jsonb_populate_record(
        v_log, jsonb_build_object(p_column, case
            when p_column in ('old', 'new') then p_value::jsonb else to_jsonb(p_value) end)));
end;
$$;
select is(
    pg_temp.hash_with('operation', 'UPDATE'), app.audit_row_hash(pg_temp.log()),
    'the same row has the same hash');
select isnt(pg_temp.hash_with(v.name, v.value), app.audit_row_hash(pg_temp.log()),
    format('with another %s it is another one', v.name))
from (values
    ('id', '8'), ('occurred_at', '2027-01-04 09:00:00.000002+00'), ('table_name', 'chart'),
    ('row_id', 'c-2'), ('operation', 'INSERT'), ('old', '{"a": 1.5, "b": "\u00e9\n"}'),
    ('new', '{"a": 0}'), ('user_id', '01a21439-b51e-75ce-aecf-28c6a6d2f374'), ('role', 'admin'),
    ('database_login', 'postgres'), ('request_id', null)) as v (name, value);
select is(
    (select array_agg(a.attname::text order by a.attnum) from pg_attribute as a
     where a.attrelid = 'app.audit_logs'::regclass and a.attnum > 0 and not a.attisdropped),
    '{id,occurred_at,table_name,row_id,operation,old,new,user_id,role,database_login,request_id,'
    'row_hash}',
    'there is no column that it leaves out');

-- Every row has its own
insert into app.audit_logs (table_name, row_id, operation, new)
values ('charts', 'c-1', 'INSERT', '{}') returning id as trace \gset
select is(l.row_hash, app.audit_row_hash(l), 'a new row of the trail has its hash')
from app.audit_logs as l where l.id = :'trace';
select is_empty(
    $$ select l.id from app.audit_logs as l where l.row_hash <> app.audit_row_hash(l) $$,
    'so have those that triggers write');
insert into app.audit_logs (table_name, row_id, operation, new, row_hash)
values ('charts', 'c-1', 'INSERT', '{}', sha256('')) returning id as moved \gset
select is(l.row_hash, sha256(''), 'a row that brings a hash keeps it: see ops.verify_audit')
from app.audit_logs as l where l.id = :'moved';
select throws_ok(
    $$ insert into app.audit_logs (table_name, row_id, operation, new, row_hash)
       values ('charts', 'c-1', 'INSERT', '{}', 'short') $$,
    '23514', null, 'if it is one');

select * from finish();
rollback;
