"""Mutants that a reviewer would be afraid of, written by hand."""

from __future__ import annotations

import json

from drills.mutants import by_hand_worker
from drills.mutants.catalog import BY_HAND, Mutant
from drills.mutants.generated import FUNCTIONS
from scripts.server import Cluster
from scripts.system import CommandError

# name, function (schema.name), text in its body, replacement
EDITS = (
    # The actor
    (
        "an earlier verified actor is kept",
        "ops.change_role",
        "perform app.forget_actor();",
        "",
    ),
    # Time bounds
    (
        "a slot that begins now can be booked",
        "api.book_consultation",
        "v_slot.starts_at <= app.clock()",
        "v_slot.starts_at < app.clock()",
    ),
    (
        "a patient cancels at the start",
        "api.cancel_consultation",
        "starts_at <= app.clock()",
        "starts_at < app.clock()",
    ),
    (
        "a patient reschedules at the start",
        "api.reschedule_consultation",
        "v_current.starts_at <= app.clock()",
        "v_current.starts_at < app.clock()",
    ),
    (
        "a slot that begins now is moved to",
        "api.reschedule_consultation",
        "v_slot.starts_at <= app.clock()",
        "v_slot.starts_at < app.clock()",
    ),
    # Checks before and after the lock
    (
        "the status of a slot is not checked before booking",
        "api.book_consultation",
        "if v_slot.status <> 'open'\n",
        "if false\n",
    ),
    (
        "no lock on the slot that is booked",
        "api.book_consultation",
        "from app.availability_slots as s where s.id = p_slot_id for no key update",
        "from app.availability_slots as s where s.id = p_slot_id",
    ),
    (
        "no lock on the patient who books",
        "api.book_consultation",
        "where u.id = v_actor.user_id and u.deactivated_at is null\n        for no key update;",
        "where u.id = v_actor.user_id and u.deactivated_at is null;",
    ),
    (
        "no lock on the consultation that is cancelled",
        "api.cancel_consultation",
        "where c.id = p_consultation_id for no key update",
        "where c.id = p_consultation_id",
    ),
    (
        "no lock on the consultation that is moved",
        "api.reschedule_consultation",
        "where c.id = p_consultation_id for no key update",
        "where c.id = p_consultation_id",
    ),
    (
        "no lock on the consultation that is paid",
        "api.record_payment",
        "where c.id = p_consultation_id for no key update",
        "where c.id = p_consultation_id",
    ),
    ("no lock on the slot that is withdrawn", "api.withdraw_slot", "for no key update", ""),
    (
        "no lock on the doctor who publishes",
        "api.publish_slot",
        "perform from app.doctors where user_id = v_actor.user_id for no key update;",
        "",
    ),
    (
        "no lock on a key",
        "app.claim_key",
        "if not pg_try_advisory_xact_lock(v_lock) then",
        "if false then",
    ),
    (
        "a busy patient can book",
        "api.book_consultation",
        "or app.patient_is_busy(v_actor.user_id, v_slot.starts_at, v_slot.ends_at) then",
        "then",
    ),
    (
        "only the first reason of a refusal is listed",
        "app.refuse_slot",
        "'reasons', to_jsonb(v_reasons)",
        "'reasons', to_jsonb(v_reasons[:1])",
    ),
    (
        "alternatives are at times of other consultations",
        "app.refuse_slot",
        "              and (tstzrange(s.starts_at, s.ends_at) && v_busy) is not true\n",
        "",
    ),
    # Idempotency
    (
        "idempotency keys are not per user",
        "app.claim_key",
        "where k.user_id = p_user_id and k.operation",
        "where k.operation",
    ),
    (
        "idempotency keys are not per operation",
        "app.claim_key",
        "and k.operation = p_operation and",
        "and",
    ),
    (
        "the fingerprint is not compared",
        "app.claim_key",
        "v_known.fingerprint <> v_new.fingerprint",
        "false",
    ),
    (
        "fingerprints of other versions are compared",
        "app.claim_key",
        "v_known.fingerprint_version = v_new.fingerprint_version",
        "true",
    ),
    (
        "a refusal is not replayed",
        "app.claim_key",
        "if v_known.refusal_code is not null then",
        "if false then",
    ),
    ("a replay is not marked", "app.claim_key", "raise notice", "raise debug"),
    (
        "a booking needs no key",
        "api.book_consultation",
        "perform app.require_key(p_idempotency_key);",
        "",
    ),
    # Roles
    (
        "every role may book",
        "api.book_consultation",
        "app.require_role('patient')",
        "app.current_actor()",
    ),
    (
        "every role may complete",
        "api.complete_consultation",
        "app.require_role('doctor')",
        "app.current_actor()",
    ),
    (
        "every role may refund",
        "api.refund_payment",
        "app.require_role('admin')",
        "app.current_actor()",
    ),
    (
        "every role may onboard doctors",
        "api.onboard_doctor",
        "app.require_role('admin')",
        "app.current_actor()",
    ),
    (
        "every role may read the audit log",
        "api.list_audit_logs",
        "perform app.require_role('admin');",
        "",
    ),
    (
        "every role may read the access log",
        "api.list_access_logs",
        "perform app.require_role('admin');",
        "",
    ),
    (
        "every role may read the analytics",
        "api.clinic_analytics",
        "perform app.require_role('admin');",
        "",
    ),
    (
        "every role may check the invariants",
        "api.check_invariants",
        "perform app.require_role('admin');",
        "",
    ),
    ("a read is not in the access log", "api.get_consultation", "app.record_read(", "concat("),
    (
        "a read of the list of payments is not in the access log",
        "api.list_payments",
        "perform app.record_read('list_payments', array[p_consultation_id]);",
        "",
    ),
    (
        "a read of a payment is not in the access log",
        "api.get_payment",
        "app.record_read(",
        "concat(",
    ),
    (
        "a read of a prescription is not in the access log",
        "api.get_prescription",
        "app.record_read(",
        "concat(",
    ),
    (
        "no lock on the profile that is changed",
        "api.update_my_profile",
        "where user_id = v_actor.user_id for no key update",
        "where user_id = v_actor.user_id",
    ),
    (
        "no lock on the doctor who is changed",
        "api.update_doctor",
        "where user_id = p_doctor_id for no key update",
        "where user_id = p_doctor_id",
    ),
    (
        "the version of the doctor is not compared",
        "api.update_doctor",
        "perform app.require_version(p_versions, v_doctor);",
        "",
    ),
    (
        "the version of the profile is not compared",
        "api.update_my_profile",
        "perform app.require_version(p_versions, v_user);",
        "",
    ),
    (
        "a version that is missing is accepted",
        "app.require_version",
        "if p_versions is null then",
        "if false then",
    ),
    (
        "a patient does not see reads of lists",
        "app.reads_about",
        "l.resource_ids && v_ids",
        "l.resource_ids <@ v_ids",
    ),
    (
        "a patient sees ids of other patients in the access log",
        "app.reads_about",
        "where r.id = any (v_ids)",
        "",
    ),
    (
        "a doctor who knows the request id of a DBA reads as a DBA",
        "app.reads_about",
        "and a.database_login = l.database_login",
        "",
    ),
    (
        "a refund is not in the access log",
        "api.refund_payment",
        "perform app.record_read('refund_payment', array[v_refunded.consultation_id]);",
        "",
    ),
    (
        "reading the own access log is not recorded",
        "api.my_access_log",
        "perform app.record_read('my_access_log', array[v_actor.user_id]);",
        "",
    ),
    (
        "the access log may be dropped after a month",
        "ops.drop_partitions",
        "interval '36 months'",
        "interval '1 month'",
    ),
    # The account
    (
        "a used token verifies another address",
        "app.spend_email_verification",
        "and used_at is null",
        "",
    ),
    (
        "a token of somebody else verifies an address",
        "app.spend_email_verification",
        "and user_id = v_user.id\n      and used_at",
        "and used_at",
    ),
    (
        "two accounts send ten messages to one address",
        "app.limit_email_verifications",
        "app.normal_email(v.email) = app.normal_email(p_email)",
        "false",
    ),
    (
        "a patient without a verified address books where one is required",
        "api.book_consultation",
        "if v_lacks_verified_email then",
        "if false then",
    ),
    (
        "an account is closed with a wrong password",
        "api.close_my_account",
        "v_user.password_hash is distinct from p_password_hash",
        "false",
    ),
    (
        "the past consultations of a closed account are cancelled",
        "api.close_my_account",
        "and c.starts_at > app.clock()",
        "",
    ),
    # Video rooms
    (
        "a video room is always open",
        "api.join_consultation",
        "if not v_window @> app.clock() then",
        "if false then",
    ),
    (
        "a video room opens at the start",
        "app.video_window",
        "p_starts_at - s.video_lead",
        "p_starts_at",
    ),
    (
        "a video room closes at the end",
        "app.video_window",
        "p_ends_at + s.video_grace",
        "p_ends_at",
    ),
    (
        "a video room is still open when it closes",
        "app.video_window",
        "p_ends_at + s.video_grace)",
        "p_ends_at + s.video_grace, '[]')",
    ),
    (
        "a cancelled consultation is joined",
        "api.join_consultation",
        "if v_current.status <> 'scheduled' then",
        "if false then",
    ),
    (
        "every role may join",
        "api.join_consultation",
        "app.require_role('patient', 'doctor')",
        "app.current_actor()",
    ),
    (
        "every patient and doctor may join",
        "api.join_consultation",
        "app.visible_consultation(v_actor, p_consultation_id)",
        "null",
    ),
    (
        "the doctor joins with the name of the patient",
        "api.join_consultation",
        "case v_actor.role when 'doctor' then c.doctor_name else c.patient_name end",
        "c.patient_name",
    ),
    (
        "no lock on the consultation that is joined",
        "api.join_consultation",
        "where c.id = p_consultation_id for no key update",
        "where c.id = p_consultation_id",
    ),
    (
        "a video room stays after a reschedule",
        "app.video_room",
        "concat_ws('|', p_consultation_id, p_slot_id)",
        "p_consultation_id::text",
    ),
    (
        "the next consultation in a slot has the same video room",
        "app.video_room",
        "concat_ws('|', p_consultation_id, p_slot_id)",
        "p_slot_id::text",
    ),
    (
        "the name of a video room can be computed",
        "app.video_room",
        "s.value, 'sha256'",
        "'', 'sha256'",
    ),
    (
        "a join of a time that was given up counts",
        "ops.attendance",
        "r.type = 'consultation.rescheduled'",
        "false",
    ),
    # Pages
    (
        "the signature of a cursor is not verified",
        "app.cursor_position",
        "= sha256(substr(v_bytes, 1, 16))",
        "is not null",
    ),
    (
        "a cursor is valid for every caller",
        "app.cursor_signature",
        "current_setting('app.verified_user_id', true)",
        "''",
    ),
    (
        "a cursor of doctors by relevance is valid by next free time",
        "api.list_doctors",
        "coalesce(p_sort, 'relevance')",
        "''",
    ),
    # Searches
    (
        "a search depends on accents",
        "app.folded_text",
        "extensions.unaccent(normalize(p_text, nfc))",
        "normalize(p_text, nfc)",
    ),
    ("a search finds no word with a typing error", "api.list_doctors", ">= 0.4", ">= 2"),
    (
        "a search finds deactivated doctors",
        "api.list_doctors",
        "d.deactivated_at is null",
        "true",
    ),
    (
        "hours are those of UTC",
        "app.search_open_slots",
        "coalesce(p_time_zone, 'UTC')",
        "'UTC'",
    ),
    (
        "hours that began yesterday are not searched",
        "app.search_open_slots",
        "- interval '1 day'",
        "",
    ),
    (
        "a repeated hour is found once",
        "app.search_open_slots",
        "(d.day + v_opens_at + v_hours) at time zone v_zone,",
        "app.instant_of(d.day + v_opens_at + v_hours, v_zone),",
    ),
    (
        "the last day of a calendar ends early",
        "api.doctor_calendar",
        "(v_last + 1)::timestamp",
        "v_last::timestamp",
    ),
    (
        "the last day of a schedule ends early",
        "api.my_schedule",
        "(v_last + 1)::timestamp",
        "v_last::timestamp",
    ),
    (
        "a schedule has cancelled consultations",
        "api.my_schedule",
        "c.status <> 'cancelled'",
        "true",
    ),
    (
        "planned slots overlap each other",
        "app.plan_weekly_slots",
        "v_published_until := v_candidate.ends_at;",
        "null;",
    ),
    (
        "a doctor changes another doctor",
        "api.update_doctor",
        "p_doctor_id is distinct from v_actor.user_id",
        "p_doctor_id is null",
    ),
    ("a doctor changes their specialty", "api.update_doctor", "v_field is not null", "false"),
    (
        "a currency changes without its fee",
        "api.update_doctor",
        "p_currency is not null and p_fee_minor is null",
        "false",
    ),
    ("a name is cleared", "app.require_clearable", "v_field <> all (p_clearable)", "false"),
    (
        "a cleared phone number stays",
        "api.update_my_profile",
        "case when 'phone' = any (p_clear) then p_phone else coalesce(p_phone, phone) end",
        "coalesce(p_phone, phone)",
    ),
    ("the yen has cents", "app.currency_exponent", '"JPY": 0', '"JPY": 2'),
    # The audit log and its seals
    (
        "the audit log does not name the user",
        "app.record_change",
        "v_caller.user_id,",
        "null,",
    ),
    (
        "the audit log trusts the context of an earlier actor",
        "app.caller_of_change",
        "and current_setting('app.verified_user_id', true) = current_setting('app.user_id', true)",
        "",
    ),
    (
        "the audit log does not name the request",
        "app.record_change",
        "v_caller.request_id)",
        "null)",
    ),
    (
        "secrets are in the audit log",
        "app.record_change",
        "to_jsonb(new) - tg_argv[1:]",
        "to_jsonb(new)",
    ),
    ("the hash of a row leaves out the user", "app.audit_row_hash", "p_log.user_id,", ""),
    ("the hash of a row leaves out the old values", "app.audit_row_hash", "p_log.old,", ""),
    (
        "the hash of a seal leaves out the previous seal",
        "app.audit_seal_hash",
        "encode(p_seal.previous_hash, 'hex')",
        "''",
    ),
    (
        "the sealer does not wait for open transactions",
        "ops.seal_audit",
        "= any (v_writing))",
        "= any (v_writing) and false)",
    ),
    (
        "a month that is not sealed is dropped",
        "app.retire_audit_rows",
        "and l.id > v_last)",
        "and false)",
    ),
    (
        "rows that have moved get a new hash",
        "app.move_rows",
        "select d.* from app.%I as d",
        "select (jsonb_populate_record(d, ''{\"row_hash\": null}'')).* from app.%I as d",
    ),
    # Context and sessions
    (
        "an old refresh token is valid for years",
        "app.rotate_refresh_token",
        "10 seconds",
        "10 years",
    ),
    ("a deactivated user stays logged in", "app.signed_in_actor", "deactivated_at is null", "true"),
    ("an ended session stays valid", "app.signed_in_actor", "revoked_at is null", "true"),
    # Events
    (
        "events are read before older transactions have ended",
        "app.next_events",
        "and e.transaction_id < pg_snapshot_xmin(pg_current_snapshot())",
        "",
    ),
    (
        "events are read in the order of their ids",
        "app.next_events",
        "order by e.transaction_id, e.id",
        "order by e.id",
    ),
    (
        "events of another cluster are ordered by their transactions",
        "app.next_events",
        "where e.id > p_id and e.id < v_first\n        order by e.id",
        "where e.id > p_id and e.id < v_first\n        order by e.transaction_id, e.id",
    ),
    (
        "a restore into another cluster is not noticed",
        "app.first_event_of_cluster",
        "if v_origin.system_identifier <> v_cluster then",
        "if false then",
    ),
    (
        "a cursor of lost events is accepted",
        "api.list_events",
        "(v_cursor ->> 2)::bigint <> v_first",
        "false",
    ),
    (
        "an empty page forgets the cursor",
        "api.list_events",
        "coalesce(v_last.id, v_id)",
        "coalesce(v_last.id, 0)",
    ),
    (
        "an event is read before its predecessor",
        "app.add_event",
        "else greatest(l.transaction_id, excluded.transaction_id)",
        "else excluded.transaction_id",
    ),
    (
        "an event does not name its predecessor",
        "app.add_event",
        "predecessor_id = l.event_id,",
        "predecessor_id = l.predecessor_id,",
    ),
    (
        "an event has no job",
        "app.add_event",
        "if p_type not in ('slot.opened', 'slot.withdrawn') or app.is_wanted_by_a_webhook(p_type)",
        "if false",
    ),
    (
        "a reschedule looks like a cancellation",
        "app.consultations_write_events",
        "then 'consultation.rescheduled'",
        "then 'consultation.cancelled'",
    ),
    (
        "a reschedule does not name its former slot",
        "app.consultations_write_events",
        "'former_slot_id', old.slot_id",
        "'former_slot_id', new.slot_id",
    ),
    (
        "an event names the innermost function as its cause",
        "app.present_cause",
        "'.*\\m((?:api|ops|work)",
        "'\\m((?:api|ops|work)",
    ),
    (
        "an event does not name who has caused it",
        "app.present_cause",
        "v_caller.user_id,",
        "null::uuid,",
    ),
    (
        "every log-in is one on a new device",
        "app.note_new_device",
        "and a.succeeded_at > app.clock() - interval '30 days'",
        "and false",
    ),
    (
        "an account that an admin deactivates counts as closed by its owner",
        "app.accounts_write_events",
        "when (app.present_cause()).actor_id = new.id then 'account.closed'",
        "when true then 'account.closed'",
    ),
    # Webhooks
    (
        "a webhook overtakes the one before of its consultation",
        "work.claim_delivery",
        "d.sequence_number < v_delivery.sequence_number or",
        "",
    ),
    (
        "two workers send one webhook",
        "work.claim_delivery",
        "or greatest(v_delivery.next_attempt_at, v_delivery.lease_ends_at) > app.clock()",
        "",
    ),
    (
        "a worker that has lost its lease settles a webhook",
        "work.settle_delivery",
        "or v_delivery.attempt <> p_attempt",
        "",
    ),
    (
        "an error of the receiver counts as delivered",
        "work.settle_delivery",
        "p_status_code between 200 and 299",
        "p_status_code between 200 and 499",
    ),
    (
        "an endpoint that takes nothing stays enabled",
        "work.settle_delivery",
        "elsif v_endpoint.first_failed_at <= v_delivery.first_tried_at then",
        "elsif false then",
    ),
    (
        "the secret before a rotation signs without an end",
        "work.claim_delivery",
        "when v_endpoint.previous_ends_at > app.clock()",
        "when v_endpoint.previous_ends_at is not null",
    ),
    (
        "a disabled webhook gets events",
        "app.add_deliveries_of_event",
        "where w.disabled_at is null",
        "where true",
    ),
    (
        "a webhook forgets the events before one that was dispatched early",
        "app.add_deliveries_of_event",
        "and o.sequence_number < p_event.sequence_number",
        "and false",
    ),
    (
        "a redelivery takes a webhook from the worker that sends it",
        "api.redeliver_webhook",
        "where d.status <> 'sending'",
        "",
    ),
    # Keys that may be purged
    (
        "keys of bookings are purged",
        "ops.purge",
        "'book_consultation', 'reschedule_consultation',",
        "'reschedule_consultation',",
    ),
)
STATEMENTS = (
    # Transitions
    *(
        (
            f"{old} may not become {new}",
            "consultations",
            f"delete from app.consultation_transitions where from_status = '{old}'"
            f" and to_status = '{new}'",
        )
        for old, new in (("scheduled", "completed"), ("scheduled", "cancelled"))
    ),
    *(
        (
            f"{old} may become {new}",
            "consultations",
            f"insert into app.consultation_transitions (from_status, to_status)"
            f" values ('{old}', '{new}')",
        )
        for old, new in (
            ("completed", "cancelled"),
            ("completed", "scheduled"),
            ("cancelled", "scheduled"),
            ("cancelled", "completed"),
        )
    ),
    # Rights
    (
        "PUBLIC may execute book_consultation",
        "book_consultation",
        "grant execute on function api.book_consultation to public",
    ),
    ("PUBLIC may execute act_as", "act_as", "grant execute on function ops.act_as to public"),
    ("the API may execute act_as", "act_as", "grant execute on function ops.act_as to telemed_api"),
    (
        "the API may read app.users",
        "users",
        "grant usage on schema app to telemed_api; grant select on app.users to telemed_api",
    ),
    (
        "auditors may change the audit log",
        "audit_logs",
        "grant update on ops.audit_logs to telemed_auditor",
    ),
    (
        "an unpinned search_path",
        "book_consultation",
        "alter function api.book_consultation reset search_path",
    ),
    (
        "a function that runs with its caller's rights",
        "book_consultation",
        "alter function api.book_consultation security invoker",
    ),
    (
        "a table whose owner bypasses row-level security",
        "users",
        "alter table app.users owner to postgres",
    ),
    (
        "PUBLIC may execute new functions",
        "roles",
        "alter default privileges for role telemed_owner grant execute on functions to public",
    ),
    (
        "a disabled trigger",
        "consultations",
        "alter table app.consultations disable trigger consultations_change_only_as_permitted",
    ),
    (
        "keys are unique for all users",
        "idempotency_keys",
        "alter table app.idempotency_keys drop constraint idempotency_keys_are_used_once,"
        " add primary key (operation, key)",
    ),
    (
        "an open slot may overlap a booked one",
        "availability_slots",
        "alter table app.availability_slots"
        " drop constraint availability_slots_of_a_doctor_never_overlap,"
        " add constraint availability_slots_of_a_doctor_never_overlap exclude using gist"
        " (doctor_id extensions.gist_uuid_ops with operator(pg_catalog.=),"
        " tstzrange(starts_at, ends_at) with operator(pg_catalog.&&)) where (status = 'open')",
    ),
)


def by_hand(cluster: Cluster, database: str) -> list[Mutant]:
    functions = {
        f["name"].partition("(")[0]: (f["definition"], f["body"])
        for f in json.loads(cluster.sql(FUNCTIONS, database))
    }
    edits = (*EDITS, *by_hand_worker.EDITS)
    if missing := [
        f"{name} has no {old!r}" for _, name, old, _ in edits if old not in functions[name][1]
    ]:
        raise CommandError("; ".join(missing))
    return [
        *(
            Mutant(
                BY_HAND,
                name,
                function.partition(".")[2],
                edited(*functions[function], old, new),
                functions[function][0],
            )
            for name, function, old, new in edits
        ),
        *(Mutant(BY_HAND, *statement) for statement in STATEMENTS),
    ]


def edited(definition: str, body: str, old: str, new: str) -> str:
    return definition.replace(body, body.replace(old, new))
