-- Verify telemed:foundation/lagging_sequences on pg

begin;

select 'app.lagging_sequences()'::regprocedure;

rollback;
