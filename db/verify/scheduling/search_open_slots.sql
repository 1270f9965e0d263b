-- Verify telemed:scheduling/search_open_slots on pg

begin;

select 'app.search_open_slots'::regproc;

rollback;
