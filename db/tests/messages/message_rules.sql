begin;
select plan(5);

select is_empty(
    $$
    select r.kind from app.message_rules() as r
    group by r.kind having count(distinct coalesce(r.preference, '')) > 1
    $$,
    'message_rules: one kind has one preference');
select is_empty(
    $$
    select r.preference from app.message_rules() as r
    where r.preference is not null and not exists (
        select from pg_constraint as c
        where c.conname = 'notification_preferences_kind_is_known'
          and pg_get_constraintdef(c.oid) ~ quote_literal(r.preference))
    $$,
    'message_rules: every preference is one that a user can change');
select set_eq(
    $$
    select (regexp_matches(pg_get_constraintdef(c.oid), '''(\w+)''', 'g'))[1]
    from pg_constraint as c where c.conname = 'messages_kind_is_known'
    $$,
    $$ select r.kind from app.message_rules() as r $$,
    'message_rules: the kinds are those that a message can have');
select is_empty(
    $$
    select r.event_type from app.message_rules() as r
    where not exists (
        select from pg_constraint as c
        where c.conname = 'event_type_is_known'
          and pg_get_constraintdef(c.oid) ~ quote_literal(r.event_type))
    $$,
    'message_rules: every type of event exists');
select results_eq(
    $$
    select k.kind, app.message_preference(k.kind)
    from (values ('reminder_1h'), ('refund'), ('password_changed'), ('unknown')) as k (kind)
    $$,
    $$ values ('reminder_1h', 'reminder'), ('refund', 'payment'), ('password_changed', null),
              ('unknown', null) $$,
    'message_preference: reminders and refunds can be refused, security notices cannot');

select * from finish();
rollback;
