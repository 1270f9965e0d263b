-- Revert telemed:identity/accept_second_factor from pg

begin;

drop function app.accept_second_factor(uuid, bigint, text);
drop function app.is_present_otp_step(bigint);

commit;
