-- Deploy telemed:consultations/clinic_settings to pg

begin;

create table app.clinic_settings (
    only_row boolean primary key default true,
    completion_lead interval not null default '15 minutes',
    verified_email_required boolean not null default false,
    video_lead interval not null default '15 minutes',
    video_grace interval not null default '30 minutes',
    constraint clinic_settings_has_one_row check (only_row),
    constraint clinic_settings_completion_lead_is_not_negative check (completion_lead >= '0'),
    constraint clinic_settings_video_lead_is_not_negative check (video_lead >= '0'),
    constraint clinic_settings_video_grace_is_not_negative check (video_grace >= '0')
);

comment on table app.clinic_settings is 'The settings of the clinic, in one row.';
comment on column app.clinic_settings.completion_lead is
'The completion lead: how long before its start a consultation may be completed. See
ops.set_completion_lead.';

comment on column app.clinic_settings.verified_email_required is
'Whether only patients with a verified e-mail address may book. See ops.require_verified_email.';

comment on column app.clinic_settings.video_lead is
'How long before its start the video room of a consultation opens. See ops.set_video_window.';
comment on column app.clinic_settings.video_grace is
'How long after its end the video room of a consultation closes. See ops.set_video_window.';

insert into app.clinic_settings default values;

create trigger clinic_settings_are_audited
after insert or update or delete on app.clinic_settings
for each row execute function app.record_change('only_row');

create trigger clinic_settings_are_never_deleted
before delete on app.clinic_settings
for each row execute function app.rows_are_append_only();

create trigger clinic_settings_are_never_truncated
before truncate on app.clinic_settings
for each statement execute function app.rows_are_append_only();

create function app.completable_from(p_starts_at timestamptz)
returns timestamptz
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return p_starts_at - (select s.completion_lead from app.clinic_settings as s);
end;
$$;

comment on function app.completable_from(timestamptz) is
'The earliest time at which a consultation that starts at p_starts_at may be completed: p_starts_at
less the completion lead of app.clinic_settings.';

commit;
