-- Revert telemed:audit/list_audit_seals from pg

begin;

drop function api.list_audit_seals;
drop function app.audit_seal_ids;
drop function app.audit_seals_with_state;
drop type api.audit_seals;

commit;
