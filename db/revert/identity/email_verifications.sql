-- Revert telemed:identity/email_verifications from pg

begin;

select app.refuse_to_lose_rows('email_verifications');

drop function app.limit_email_verifications(uuid, text);
drop function app.make_email_verification(uuid, text);
drop type api.email_verifications;
drop trigger users_verify_their_address_by_a_token on app.users;
drop function app.users_verify_their_address_by_a_token();
drop trigger email_verifications_end_with_what_they_rest_on on app.users;
drop function app.email_verifications_end_with_what_they_rest_on();
drop table app.email_verifications;
drop function app.email_verifications_are_used_once();

commit;
