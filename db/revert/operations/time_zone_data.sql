-- Revert telemed:operations/time_zone_data from pg

begin;

drop function api.time_zone_data(timestamptz);
drop type api.time_zone_data;
drop function app.time_zone_release();
drop function ops.time_zone_laws();
drop function app.time_zone_laws();
drop type ops.time_zone_law;

commit;
