-- Revert telemed:foundation/next_page from pg

begin;

drop function app.cursor_position(text, text, text);
drop function app.set_next_cursor(text, jsonb);
drop function app.cursor_signature(text, bytea);

set local role telemed_internal;
delete from app.secrets where name = 'cursor';

commit;
