-- Revert telemed:foundation/forget_actor from pg

begin;

drop function app.forget_actor();

commit;
