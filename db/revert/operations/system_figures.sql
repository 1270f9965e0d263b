-- Revert telemed:operations/system_figures from pg

begin;

drop function api.system_figures;
drop function app.system_figures;
drop type api.system_figures;
drop type api.database_figures;
drop type api.queue_figures;

commit;
