-- Deploy telemed:events/present_cause to pg

begin;

create type app.cause as (actor_id uuid, actor_role text, request_id text, operation text);

comment on type app.cause is
'Who changes something, in which request and by which function. actor_id is null without a verified
caller; operation is null for a change by hand.';

set local role telemed_internal;
create function app.present_cause()
returns app.cause
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_stack text;
    v_name text;
    -- What an earlier call has verified holds while the context still names the same user.
    v_is_verified boolean := coalesce(
        current_setting('app.verified_user_id', true) <> ''
        and current_setting('app.verified_user_id', true) = current_setting('app.user_id', true),
        false);
    v_context app.context;
begin
    get diagnostics v_stack = pg_context;
    -- The last line of the stack has the outermost function, as the word before its first bracket.
    -- Only if that is no function of api, ops or work, the whole stack is searched for one: the
    -- search would take a tenth of a booking.
    v_name := split_part(split_part(split_part(v_stack, E'\n', -1), '(', 1), ' ', -1);
    if split_part(v_name, '.', 1) not in ('api', 'ops', 'work') then
        v_name := substring(v_stack from '.*\m((?:api|ops|work)\.\w+)\(');
    end if;
    -- A change by hand, outside the functions of api, ops and work, perhaps after ops.act_as.
    if not v_is_verified and current_setting('app.proof', true) <> '' then
        v_context := app.proven_context();
    end if;
    return (
        case
            when v_is_verified then current_setting('app.verified_user_id')::uuid
            else v_context.user_id
        end,
        case
            when v_is_verified then nullif(current_setting('app.verified_role', true), '')
            else v_context.role
        end,
        case
            when v_is_verified then nullif(current_setting('app.request_id', true), '')
            else v_context.request_id
        end,
        case
            when char_length(split_part(v_name, '.', 2)) <= 40 then split_part(v_name, '.', 2)
        end)::app.cause;
end;
$$;

comment on function app.present_cause() is
'The cause of a change that is being made: the verified context, as app.record_change reads it, and
the outermost function of api, ops or work that is running. A wrong context signature is refused,
see app.proven_context. Raises TM101.';

commit;
