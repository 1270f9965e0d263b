-- Revert telemed:identity/log_in_attempts from pg

begin;

select app.refuse_to_lose_rows('log_in_attempts');

drop function app.log_in_subject(text, text, text);
drop table app.log_in_attempts;
drop table app.log_in_limits;

commit;
