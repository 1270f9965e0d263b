-- Verify telemed:foundation/forget_actor on pg

select 'app.forget_actor()'::regprocedure;
