-- Verify telemed:foundation/partitions on pg

begin;

select 'app.is_partitioned_by_id(text)'::regprocedure;
select 'app.close_partition(text)'::regprocedure;
select 'app.create_partition(text, date)'::regprocedure;
select 'app.default_partition_is_used()'::regprocedure;

rollback;
