-- Verify telemed:operations/database_figures on pg

begin;

select 'ops.database_figures()'::regprocedure, 'work.database_figures()'::regprocedure;

rollback;
