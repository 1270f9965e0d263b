-- Revert telemed:identity/users from pg

begin;

select app.refuse_to_lose_rows('users');

drop table app.users;

commit;
