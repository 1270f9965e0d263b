-- Verify telemed:operations/create_partitions on pg

begin;

select 'app.default_has_month(text, date)'::regprocedure;
select 'app.next_month_of(text)'::regprocedure;
select 'app.first_month_in_default(text)'::regprocedure;
select 'app.move_rows(text, text)'::regprocedure;
select 'ops.create_partitions(integer)'::regprocedure;
select 1 / has_function_privilege(
    'telemed_dba', 'ops.create_partitions(integer)', 'execute')::integer;

rollback;
