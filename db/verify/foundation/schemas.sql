-- Verify telemed:foundation/schemas on pg

begin;

select 1 / (
    has_schema_privilege('telemed_api', 'api', 'usage')
    and has_schema_privilege('telemed_dba', 'ops', 'usage')
    and not has_schema_privilege('telemed_api', 'ops', 'usage')
    and not has_schema_privilege('telemed_dba', 'app', 'usage')
    and not has_schema_privilege('telemed_dba', 'extensions', 'usage')
    and has_database_privilege('telemed_api', current_database(), 'connect')
    and not has_database_privilege('telemed_api', current_database(), 'temporary')
)::integer;

-- The owner has such an entry only if its default differs from the built-in one: here it revokes
-- execute from PUBLIC.
select 1 / count(*)
from pg_catalog.pg_default_acl
where defaclrole = 'telemed_owner'::regrole and defaclnamespace = 0 and defaclobjtype = 'f';

rollback;
