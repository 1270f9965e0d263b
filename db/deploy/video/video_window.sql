-- Deploy telemed:video/video_window to pg

begin;

create function app.video_window(p_starts_at timestamptz, p_ends_at timestamptz)
returns tstzrange
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return (
        select tstzrange(p_starts_at - s.video_lead, p_ends_at + s.video_grace)
        from app.clinic_settings as s);
end;
$$;

comment on function app.video_window(timestamptz, timestamptz) is
'When the video room of a consultation from p_starts_at to p_ends_at is open: from the lead before
its start until just before the grace after its end is over (app.clinic_settings).';

commit;
