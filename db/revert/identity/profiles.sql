-- Revert telemed:identity/profiles from pg

begin;

select app.refuse_to_lose_rows('profiles');

drop view api.accounts;
drop view api.users;
drop table app.profiles;

commit;
