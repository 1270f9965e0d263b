-- Revert telemed:prescriptions/prescriptions from pg

begin;

select app.refuse_to_lose_rows('prescription_items');
select app.refuse_to_lose_rows('prescriptions');

drop view api.prescriptions;
drop type api.prescription_item;
drop trigger prescriptions_have_items on app.prescriptions;
drop function app.prescriptions_have_items();
drop trigger prescription_items_are_issued_at_once on app.prescription_items;
drop function app.prescription_items_are_issued_at_once();
drop trigger prescriptions_follow_a_completed_consultation on app.prescriptions;
drop function app.prescriptions_follow_a_completed_consultation();
drop table app.prescription_items;
drop table app.prescriptions;

commit;
