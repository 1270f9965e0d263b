begin;
\ir ../helpers/actors.psql
select plan(19);
reset role;

-- A constant row
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
    'audit_row_hash: the hash is the SHA-256 of the columns in their order');
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
    'audit_row_hash: the hash does not depend on the settings of the session');
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
    'audit_row_hash: equal rows have equal hashes');
select isnt(pg_temp.hash_with(v.name, v.value), app.audit_row_hash(pg_temp.log()),
    format('audit_row_hash: a different value of %s gives a different hash', v.name))
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
    'audit_row_hash: app.audit_logs has exactly the columns that the hash covers, and row_hash');

-- The trigger that stores the hash
insert into app.audit_logs (table_name, row_id, operation, new)
values ('charts', 'c-1', 'INSERT', '{}') returning id as row_id \gset
select is(l.row_hash, app.audit_row_hash(l),
    'audit_logs_have_their_hash: a new row of the audit log has its hash')
from app.audit_logs as l where l.id = :'row_id';
select is_empty(
    $$ select l.id from app.audit_logs as l where l.row_hash <> app.audit_row_hash(l) $$,
    'audit_logs_have_their_hash: every row that a trigger has written has its hash');
insert into app.audit_logs (table_name, row_id, operation, new, row_hash)
values ('charts', 'c-1', 'INSERT', '{}', sha256('')) returning id as moved \gset
select is(l.row_hash, sha256(''),
    'audit_logs_have_their_hash: a row that is inserted with a hash keeps that hash')
from app.audit_logs as l where l.id = :'moved';
select throws_ok(
    $$ insert into app.audit_logs (table_name, row_id, operation, new, row_hash)
       values ('charts', 'c-1', 'INSERT', '{}', 'short') $$,
    '23514', null, 'audit_logs: a row_hash that does not have 32 bytes is rejected');

select * from finish();
rollback;
