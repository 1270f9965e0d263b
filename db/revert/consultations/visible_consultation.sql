-- Revert telemed:consultations/visible_consultation from pg

begin;

drop function app.visible_consultation(app.actor, uuid);

commit;
