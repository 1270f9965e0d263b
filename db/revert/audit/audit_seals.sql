-- Revert telemed:audit/audit_seals from pg

begin;

select app.refuse_to_lose_rows('audit_seals');

set local role telemed_internal;
drop function app.append_audit_seal(text, date, bigint, bigint, bigint, bytea);
drop view ops.audit_seals;
reset role;
drop function app.audit_seal_hash(app.audit_seals);
drop table app.audit_seals;

commit;
