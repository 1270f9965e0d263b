-- Revert telemed:foundation/entity_tag from pg

begin;

drop function app.entity_tag(anyelement);

commit;
