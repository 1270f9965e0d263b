-- Revert telemed:operations/check_invariants from pg

begin;

-- Here, at the end of the first release: whoever reverts everything stops before a function is lost
-- that the API calls, and not at the first table.
select app.refuse_to_lose_rows('users');

drop function api.check_invariants(timestamptz);
drop function ops.check_invariants(timestamptz);
drop function app.all_invariants(timestamptz);
drop type api.invariants;

commit;
