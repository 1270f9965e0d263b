-- Verify telemed:operations/row_history on pg

begin;

select 'ops.row_history(text, text, timestamptz)'::regprocedure;
select 1 / has_function_privilege(
    'telemed_dba', 'ops.row_history(text, text, timestamptz)', 'execute')::integer;

rollback;
