-- Deploy telemed:foundation/require_version to pg

begin;

create function app.require_version(p_versions text[], p_row anyelement)
returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    if p_versions is null then
        raise exception 'Read the resource, and send its ETag in the header If-Match'
            using errcode = 'TM601', column = 'If-Match',
                hint = 'In SQL: p_versions => ''{*}'' accepts every version.';
    end if;
    if app.entity_tag(p_row) = any(p_versions) or '*' = any(p_versions) then
        return;
    end if;
    raise exception 'The resource has changed since it was read: read it again'
        using errcode = 'TM501', column = 'If-Match';
end;
$$;

comment on function app.require_version(text[], anyelement) is
'Refuses a change by a caller who has not seen the present row (a lost update). p_versions: the
entity tags that the caller accepts, with * for any version; p_row: the present row, as the caller
reads it. The calling function holds a lock that no other change of the row can have, and reads the
row after it has this lock. Raises TM501, TM601.';

commit;
