-- Verify telemed:operations/context_keys on pg

begin;

select 'ops.add_context_key(text)'::regprocedure;
select 'ops.drop_context_key(text)'::regprocedure;
select 'ops.list_context_keys()'::regprocedure;

rollback;
