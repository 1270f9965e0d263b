-- Verify telemed:foundation/uuid_v7 on pg

begin;

select 'app.uuid_v7()'::regprocedure;
select 'app.time_of_id(uuid)'::regprocedure;

rollback;
