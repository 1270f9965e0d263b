-- Verify telemed:scheduling/scheduling_invariants on pg

begin;

select 'app.scheduling_invariants(timestamptz)'::regprocedure;

rollback;
