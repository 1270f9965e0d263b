-- Verify telemed:foundation/partitions on pg

begin;

select 'app.create_partition(text, date)'::regprocedure;
select 'app.default_partition_is_used()'::regprocedure;

rollback;
