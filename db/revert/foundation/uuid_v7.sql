-- Revert telemed:foundation/uuid_v7 from pg

begin;

drop function app.time_of_id(uuid);
drop function app.uuid_v7();

commit;
