-- Verify telemed:operations/keys_of_secrets on pg

begin;

select 'ops.keys_of_secrets'::regtype;
select 'ops.keys_of_secrets()'::regprocedure;
select 1 / has_function_privilege('telemed_dba', 'ops.keys_of_secrets()', 'execute')::integer;

rollback;
