-- Deploy telemed:identity/roles to pg

begin;

create table app.roles (
    name app.code primary key,
    second_factor_required boolean not null default true,
    constraint roles_are_those_of_users check (name in ('admin', 'doctor', 'patient'))
);

comment on table app.roles is 'What each role requires.';
comment on column app.roles.second_factor_required is
'Whether only a session that was begun with a second factor may act in this role: see
app.current_actor. ops.require_second_factor changes it.';

create trigger roles_are_audited
after insert or update or delete on app.roles
for each row execute function app.record_change('name');

create trigger roles_are_never_deleted
before delete on app.roles
for each row execute function app.rows_are_append_only();

create trigger roles_are_never_truncated
before truncate on app.roles
for each statement execute function app.rows_are_append_only();

alter table app.roles enable row level security;
alter table app.roles force row level security;
create policy roles_are_all_there_for_internal_functions
on app.roles to telemed_internal using (true);

set local role telemed_internal;
insert into app.roles (name, second_factor_required)
values ('admin', true), ('doctor', true), ('patient', false);

commit;
