-- Verify telemed:events/list_events on pg

begin;

select 'app.next_events(xid8, bigint, integer)'::regprocedure;
select 'api.list_events(text, text[], integer)'::regprocedure;
select 1 / has_function_privilege(
    'telemed_api', 'api.list_events(text, text[], integer)', 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.list_events(text, text[], integer)', 'execute')::integer;

rollback;
