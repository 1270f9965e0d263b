-- Verify telemed:identity/accept_second_factor on pg

begin;

select 'app.is_present_otp_step(bigint)'::regprocedure;
select 'app.accept_second_factor(uuid, bigint, text)'::regprocedure;

rollback;
