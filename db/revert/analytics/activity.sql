-- Revert telemed:analytics/activity from pg

begin;

select app.refuse_to_lose_rows('activity_by_quarter_hour');
select app.refuse_to_lose_rows('activity_by_doctor_and_day');

drop function app.fold_changes(bigint, boolean);
drop function app.activity_of_changes(bigint, bigint);
drop function app.activity_of_version(text, jsonb);
drop function app.activity_of_rows(timestamptz, timestamptz);
drop table app.activity_folds;
drop table app.activity_by_doctor_and_day;
drop table app.activity_by_quarter_hour;
drop type app.activity;
drop domain app.total_minor;

commit;
