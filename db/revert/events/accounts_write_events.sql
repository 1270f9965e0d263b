-- Revert telemed:events/accounts_write_events from pg

begin;

drop function app.note_new_device(uuid, text, text);
drop trigger password_resets_write_events on app.password_resets;
drop trigger email_verifications_write_events on app.email_verifications;
drop trigger users_write_events on app.users;
drop trigger users_write_events_when_new on app.users;
drop function app.password_resets_write_events();
drop function app.email_verifications_write_events();
drop function app.accounts_write_events();
drop function app.new_accounts_write_events();

commit;
