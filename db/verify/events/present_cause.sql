-- Verify telemed:events/present_cause on pg

begin;

select 'app.cause'::regtype;
select 'app.present_cause()'::regprocedure;

rollback;
