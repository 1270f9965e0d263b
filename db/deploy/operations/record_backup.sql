-- Deploy telemed:operations/record_backup to pg

begin;

create table app.backups (
    id uuid primary key default app.uuid_v7(),
    method text not null,
    finished_at app.instant not null default app.clock(),
    constraint backups_method_is_a_short_line
    check (char_length(method) between 1 and 100 and app.is_readable(method))
);

comment on table app.backups is
'Backups that have succeeded, as told by ops.record_backup. method: the program or the command.';

create index backups_by_time on app.backups (finished_at);

create trigger backups_are_append_only
before update or delete on app.backups
for each row execute function app.rows_are_append_only();

create trigger backups_are_never_truncated
before truncate on app.backups
for each statement execute function app.rows_are_append_only();

create trigger backups_are_audited
after insert or update or delete on app.backups
for each row execute function app.record_change('id');

alter table app.backups enable row level security;
alter table app.backups force row level security;
create policy backups_are_all_there_for_internal_functions
on app.backups to telemed_internal using (true);

set local role telemed_internal;
create function ops.record_backup(p_method text)
returns timestamptz
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_finished_at timestamptz := app.clock();
begin
    perform app.forget_actor();
    if p_method is null or char_length(p_method) not between 1 and 100
       or not app.is_readable(p_method) then
        raise exception 'Name the program that made the backup, in 1 to 100 characters'
            using errcode = 'TM201', column = 'method';
    end if;
    insert into app.backups (method, finished_at) values (p_method, v_finished_at);
    return v_finished_at;
end;
$$;

comment on function ops.record_backup(text) is
'Records that a backup has succeeded just now; returns the time. For the command that makes backups,
after each one. ops.advise warns if there was none for 26 hours. p_method: the program, such as
pgbackrest. Raises TM201.';

grant execute on function ops.record_backup(text) to telemed_dba;
reset role;

commit;
