-- Verify telemed:events/events_invariants on pg

begin;

select 'app.events_kept_since()'::regprocedure;
select 'app.events_invariants(timestamptz)'::regprocedure;

rollback;
