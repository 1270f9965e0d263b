-- Verify telemed:operations/advance_sequences on pg

begin;

select null::ops.sequence_positions;
select 'ops.advance_sequences()'::regprocedure;
select 1 / has_function_privilege(
    'telemed_dba', 'ops.advance_sequences()', 'execute')::integer;

rollback;
