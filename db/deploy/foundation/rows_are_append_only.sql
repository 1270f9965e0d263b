-- Deploy telemed:foundation/rows_are_append_only to pg

begin;

create function app.rows_are_append_only()
returns trigger
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    raise exception '% of % is not allowed: its rows are kept as they were written',
        tg_op, tg_table_name using errcode = 'TM912';
end;
$$;

comment on function app.rows_are_append_only() is
'Trigger: refuses the UPDATE, DELETE or TRUNCATE that it is attached to. Raises TM912.';

commit;
