-- Verify telemed:foundation/partitions on pg

begin;

select 'app.first_id_at(timestamptz)'::regprocedure;
select 'app.is_partitioned_by_id(text)'::regprocedure;
select 'app.create_partition(text, date)'::regprocedure;
select 'app.default_partition_is_used()'::regprocedure;

rollback;
