-- Verify telemed:events/accounts_write_events on pg

begin;

select 'app.new_accounts_write_events()'::regprocedure;
select 'app.accounts_write_events()'::regprocedure;
select 'app.email_verifications_write_events()'::regprocedure;
select 'app.password_resets_write_events()'::regprocedure;
select 'app.note_new_device(uuid, text, text)'::regprocedure;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'users_write_events_when_new' and tgrelid = 'app.users'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'users_write_events' and tgrelid = 'app.users'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'email_verifications_write_events' and tgrelid = 'app.email_verifications'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'password_resets_write_events' and tgrelid = 'app.password_resets'::regclass;

rollback;
