-- Verify telemed:jobs/schemas on pg

begin;

select 1 / (
    has_schema_privilege('telemed_worker', 'work', 'usage')
    and has_schema_privilege('telemed_worker', 'procrastinate', 'usage')
    and not has_schema_privilege('telemed_worker', 'procrastinate', 'create')
    and not has_schema_privilege('telemed_worker', 'app', 'usage')
    and not has_schema_privilege('telemed_api', 'work', 'usage')
    and not has_schema_privilege('telemed_api', 'procrastinate', 'usage')
    and has_database_privilege('telemed_worker', current_database(), 'connect')
)::integer;

rollback;
