-- Revert telemed:identity/export_my_data from pg

begin;

drop function api.export_my_data();
drop function app.stored_about(uuid);
drop type api.data_exports;

commit;
