-- Revert telemed:consultations/consultations_change_only_as_permitted from pg

begin;

drop trigger consultations_are_audited on app.consultations;
drop trigger consultations_are_never_truncated on app.consultations;
drop trigger consultations_are_never_deleted on app.consultations;
drop trigger consultations_change_only_as_permitted on app.consultations;
drop function app.consultations_change_only_as_permitted();

commit;
