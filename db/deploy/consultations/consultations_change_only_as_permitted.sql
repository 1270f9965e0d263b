-- Deploy telemed:consultations/consultations_change_only_as_permitted to pg

begin;

create function app.consultations_change_only_as_permitted()
returns trigger
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    if tg_op = 'INSERT' then
        if new.status <> 'scheduled' then
            raise exception 'A new consultation must be scheduled, not %', new.status
                using errcode = 'TM905';
        end if;
        new.calendar_sequence := 0;
        return new;
    end if;

    if new.status <> old.status and not exists (
        select from app.consultation_transitions as t
        where t.from_status = old.status and t.to_status = new.status
    ) then
        raise exception 'A % consultation cannot become %', old.status, new.status
            using errcode = 'TM905';
    end if;
    if old.status <> 'scheduled' then
        raise exception 'A % consultation cannot change', old.status
            using errcode = 'TM912';
    end if;
    if new.status = 'completed' and app.clock() < app.completable_from(old.starts_at) then
        raise exception 'It is too early to complete the consultation: wait until its start'
            using errcode = 'TM924';
    end if;
    if (new.id, new.patient_id, new.reason, new.fee_minor, new.currency, new.created_at)
        is distinct from
        (old.id, old.patient_id, old.reason, old.fee_minor, old.currency, old.created_at) then
        raise exception 'The patient, the reason and the fee of a consultation cannot change'
            using errcode = 'TM912';
    end if;
    new.updated_at := app.clock();
    new.calendar_sequence := old.calendar_sequence
        + (new.slot_id <> old.slot_id or new.status = 'cancelled')::integer;
    new.completion_digest :=
        case when new.status = 'completed' then app.consultation_digest(new) end;
    return new;
end;
$$;

comment on function app.consultations_change_only_as_permitted() is
'Trigger: a new consultation is scheduled. Its status changes only as app.consultation_transitions
permits, and not to completed before app.completable_from. A completed or cancelled consultation
cannot change. The trigger sets the digest at completion, and counts the changes that move the
consultation in a calendar: calendar_sequence. Raises TM905, TM912, TM924.';

-- Triggers fire in the order of their names: this one fires before
-- consultations_have_the_doctor_and_time_of_their_slot.
create trigger consultations_change_only_as_permitted
before insert or update on app.consultations
for each row execute function app.consultations_change_only_as_permitted();

create trigger consultations_are_never_deleted
before delete on app.consultations
for each row execute function app.rows_are_append_only();

create trigger consultations_are_never_truncated
before truncate on app.consultations
for each statement execute function app.rows_are_append_only();

create trigger consultations_are_audited
after insert or update or delete on app.consultations
for each row execute function app.record_change('id');

commit;
