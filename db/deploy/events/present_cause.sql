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
    v_caller app.context := app.caller_of_change();
begin
    get diagnostics v_stack = pg_context;
    -- The last line of the stack has the outermost function, as the word before its first bracket.
    -- Only if that is no function of api, ops or work, the whole stack is searched for one: the
    -- search would take a tenth of a booking.
    v_name := split_part(split_part(split_part(v_stack, E'\n', -1), '(', 1), ' ', -1);
    if split_part(v_name, '.', 1) not in ('api', 'ops', 'work') then
        v_name := substring(v_stack from '.*\m((?:api|ops|work)\.\w+)\(');
    end if;
    return (
        v_caller.user_id,
        v_caller.role,
        v_caller.request_id,
        case
            when char_length(split_part(v_name, '.', 2)) <= 40 then split_part(v_name, '.', 2)
        end)::app.cause;
end;
$$;

comment on function app.present_cause() is
'The cause of a change that is being made: its caller (app.caller_of_change), and the outermost
function of api, ops or work that is running. Raises TM101.';

commit;
