-- Deploy telemed:foundation/refuse_to_lose_rows to pg

begin;

-- Row-level security is forced on the owner, who would see an empty table. It is lifted for the
-- query, in a transaction that already holds the lock of the DROP TABLE. The rows are read, not
-- estimated.
create function app.refuse_to_lose_rows(
    p_table text, p_column text default null, p_except text[] default '{}')
returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
declare
    v_table constant regclass := format('app.%I', p_table)::regclass;
    v_is_forced boolean;
    v_has_rows boolean;
begin
    if current_setting('app.revert_data', true) = 'yes' then
        return;
    end if;

    -- ACCESS EXCLUSIVE, until the end of the transaction.
    select c.relforcerowsecurity into strict v_is_forced from pg_class as c where c.oid = v_table;
    execute format('alter table %s no force row level security', v_table);
    execute format('select exists (select from %s', v_table)
        || case
            when p_column is null then ')'
            else format(' where %1$I is not null and %1$I::text <> all ($1))', p_column)
        end
        into v_has_rows using p_except;
    if v_has_rows then
        raise exception '% has rows, which this revert would drop', v_table
            using errcode = 'TM930',
            hint = 'Make a backup first. PGOPTIONS="-c role=telemed_owner -c app.revert_data=yes" '
                'drops them.';
    end if;
    if v_is_forced then
        execute format('alter table %s force row level security', v_table);
    end if;
end;
$$;

comment on function app.refuse_to_lose_rows(text, text, text[]) is
'A revert script calls it before it drops a table of the schema app, or a column of one. Refuses if
the table has rows; with p_column, if a row has a value in this column that is neither null nor one
of p_except, compared as text. The setting app.revert_data = yes allows the loss. Locks the table
until the end of the transaction, and waits at most 5 s for the lock. Raises TM930.';

commit;
