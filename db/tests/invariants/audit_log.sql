begin;
\ir ../helpers/one_at_a_time.psql
select plan(11);
set local client_min_messages = warning;

-- Tables without the trigger: the logs themselves, the events, idempotency keys with their outcomes,
-- counts of log-ins, secrets, the sums of activity, which are made from the audit log, messages,
-- whose rows say themselves what became of them, deliveries of webhooks, of which each attempt is a
-- row that never changes, and what checks of the invariants have found.
create temp table exempt (table_name name primary key) on commit drop;
insert into exempt values
('audit_logs'), ('audit_seals'), ('access_logs'), ('log_in_attempts'), ('log_in_limits'),
('idempotency_keys'), ('refresh_tokens'), ('secrets'), ('activity_by_quarter_hour'),
('activity_by_doctor_and_day'), ('activity_folds'), ('events'), ('latest_events'),
('event_origin'), ('messages'), ('webhook_deliveries'), ('webhook_attempts'),
('invariant_findings');

-- Tables whose rows may be deleted: sessions and their tokens, keys, counts of log-ins, time off
-- that has ended early, the sums of activity and what checks of the invariants have found, which can
-- be made again, what only a deployment writes, and what ops.purge deletes: deliveries of webhooks,
-- messages, and tokens that have ended.
create temp table passing (table_name name primary key, may_be_emptied boolean) on commit drop;
insert into passing values
('sessions', true), ('context_keys', true), ('log_in_attempts', true), ('log_in_limits', true),
('refresh_tokens', true), ('idempotency_keys', false), ('time_off', false), ('secrets', true),
('consultation_transitions', false), ('activity_by_quarter_hour', true),
('activity_by_doctor_and_day', true), ('webhook_deliveries', false), ('webhook_attempts', false),
('invariant_findings', true), ('messages', false), ('message_tokens', false),
('password_resets', false), ('email_verifications', false);

create temp view trigger_of_table as
select
    c.oid as table_id,
    c.relname as table_name,
    t.tgname,
    t.tgfoid::regproc::text as function_name,
    string_to_array(rtrim(encode(t.tgargs, 'escape'), '\000'), '\000') as arguments,
    t.tgtype::integer & 1 > 0 as is_for_each_row,
    t.tgtype::integer & 2 > 0 as is_before,
    t.tgtype::integer & 4 > 0 as is_on_insert,
    t.tgtype::integer & 8 > 0 as is_on_delete,
    t.tgtype::integer & 16 > 0 as is_on_update,
    t.tgtype::integer & 32 > 0 as is_on_truncate,
    t.tgenabled,
    t.tgqual is null and t.tgattr = '' as is_always
from pg_trigger as t
inner join pg_class as c on c.oid = t.tgrelid
where c.relnamespace = 'app'::regnamespace and not t.tgisinternal;

create temp view table_of_app as
select c.oid, c.relname as table_name from pg_class as c
where c.relnamespace = 'app'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition;

-- The audit log
select is_empty(
    $$
    select t.table_name from table_of_app as t
    where t.table_name not in (select table_name from exempt)
      and not exists (
          select from trigger_of_table as g
          where g.table_id = t.oid and g.function_name = 'app.record_change'
            and g.is_for_each_row and not g.is_before and g.is_always
            and g.is_on_insert and g.is_on_update and g.is_on_delete)
    $$,
    'every table outside the reviewed list records each insert, update and delete in the audit '
    'log');
select is_empty(
    $$ select table_name from exempt except select table_name from table_of_app $$,
    'every table on the list of tables without an audit log exists');
select is_empty(
    $$
    select e.table_name from exempt as e
    inner join trigger_of_table as g on g.table_name = e.table_name
    where g.function_name = 'app.record_change'
    $$,
    'no table on the list of tables without an audit log has the trigger record_change');
select is_empty(
    $$
    select g.table_name, a.name
    from trigger_of_table as g
    cross join lateral unnest(g.arguments) as a (name)
    where g.function_name = 'app.record_change'
      and not exists (
          select from pg_attribute as c
          where c.attrelid = g.table_id and c.attname = a.name and not c.attisdropped)
    $$,
    'every argument of a trigger record_change is a column of its table');
select is_empty(
    $$
    select g.table_name, c.attname
    from trigger_of_table as g
    inner join pg_attribute as c on c.attrelid = g.table_id and c.attnum > 0 and not c.attisdropped
    where g.function_name = 'app.record_change'
      and c.attname ~ 'secret|password|token'
      and not c.attname = any (g.arguments[2:])
    $$,
    'every column named like a secret is left out of the audit log');
select is_empty(
    $$ select table_name, tgname from trigger_of_table where tgenabled <> 'O' $$,
    'no trigger of the schema app is disabled');

-- Append-only tables
select is_empty(
    $$
    select t.table_name from table_of_app as t
    where t.table_name not in (select table_name from passing)
      and not exists (
          select from trigger_of_table as g
          where g.table_id = t.oid and g.function_name = 'app.rows_are_append_only'
            and g.is_for_each_row and g.is_before and g.is_always and g.is_on_delete)
    $$,
    'every table outside the reviewed list refuses each delete');
select is_empty(
    $$
    select t.table_name from table_of_app as t
    where t.table_name not in (select table_name from passing where may_be_emptied)
      and not exists (
          select from trigger_of_table as g
          where g.table_id = t.oid and g.function_name = 'app.rows_are_append_only'
            and not g.is_for_each_row and g.is_before and g.is_on_truncate)
    $$,
    'every table outside the reviewed list refuses truncate');
select is_empty(
    $$ select table_name from passing except select table_name from table_of_app $$,
    'every table on the list of tables whose rows may be deleted exists');

create function pg_temp.emptied()
returns setof text language plpgsql
as $$
declare
    v_table text;
begin
    for v_table in
        select t.oid::regclass::text from table_of_app as t
        where t.table_name not in (select table_name from passing where may_be_emptied)
    loop
        begin
            execute format('truncate %s cascade', v_table);
            return next v_table;
        exception
            when sqlstate 'TM912' then
                null;
            when others then
                return next format('%s: %s', v_table, sqlerrm);
        end;
    end loop;
end;
$$;
grant select on table_of_app, passing to telemed_owner;
set local role telemed_owner;
select is_empty('select pg_temp.emptied()',
    'the owner of the tables cannot truncate any table outside the reviewed list');
reset role;
select is_empty(
    $$
    select evtname from pg_event_trigger
    union all
    select rulename from pg_rewrite as r
    inner join pg_class as c on c.oid = r.ev_class
    where c.relnamespace = 'app'::regnamespace and c.relkind in ('r', 'p')
    $$,
    'no event trigger exists, and no table has a rewrite rule');

select * from finish();
rollback;
