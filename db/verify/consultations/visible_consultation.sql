-- Verify telemed:consultations/visible_consultation on pg

begin;

select 'app.visible_consultation(app.actor, uuid)'::regprocedure;

rollback;
