-- Verify telemed:foundation/proven_context on pg

begin;

select 'app.this_transaction()'::regprocedure;
select 'app.contexts'::regclass;
select 'app.proven_context()'::regprocedure, 'app.caller_of_change()'::regprocedure;

rollback;
