-- Verify telemed:identity/issue_recovery_codes on pg

begin;

select 'app.new_recovery_code()'::regprocedure;
select 'app.recovery_code_hash(text)'::regprocedure;
select 'app.issue_recovery_codes(uuid)'::regprocedure;

rollback;
