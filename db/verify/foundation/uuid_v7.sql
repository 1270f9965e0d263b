-- Verify telemed:foundation/uuid_v7 on pg

begin;

select 'app.uuid_v7()'::regprocedure;

rollback;
