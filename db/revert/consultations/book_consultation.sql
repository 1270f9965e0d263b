-- Revert telemed:consultations/book_consultation from pg

begin;

drop function api.book_consultation(uuid, text, text);

commit;
