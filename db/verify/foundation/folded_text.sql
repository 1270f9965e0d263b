-- Verify telemed:foundation/folded_text on pg

begin;

select 1 / (app.folded_text('Král') = 'kral')::integer;

rollback;
