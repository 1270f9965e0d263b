-- Verify telemed:foundation/next_page on pg

begin;

select 'app.cursor_signature(text, bytea)'::regprocedure;
select 'app.set_next_cursor(text, jsonb)'::regprocedure;
select 'app.cursor_position(text, text, text)'::regprocedure;

rollback;
