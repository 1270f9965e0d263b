-- Verify telemed:foundation/first_id_since on pg

begin;

select 'app.first_id_since(timestamptz)'::regprocedure;

rollback;
