"""Who may read what of the chain's database: a role for each coach, who sees the rows of their own gyms.

The database itself holds every reader to it, its owner too (forced row-level security): no query, and no
program with that role's password, gets another gym's row. What a role may see is asked once in a query, so a
query costs what it would with the same sites written into it.
"""

from collections.abc import Sequence

import psycopg
from psycopg import sql

from dashboard.chain.kinds import KINDS
from dashboard.database.postgres import meaning, without_password
from dashboard.database.tables import ATHLETES, PLANS, VERSION
from dashboard.history.queries import PRACTISED
from station.errors import StoreError

OF_A_SITE = (*KINDS, PRACTISED.name)
READ = (*OF_A_SITE, VERSION.name, ATHLETES.name, PLANS.name)  # the last two are empty: names stay in the gym

_MAKE = """
CREATE TABLE IF NOT EXISTS chain_readers (role name, site text, PRIMARY KEY (role, site));
CREATE OR REPLACE FUNCTION chain_my_sites() RETURNS text[] LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    AS $$ BEGIN RETURN (SELECT coalesce(array_agg(site), '{}') FROM public.chain_readers
    WHERE role = session_user); END $$;
"""


def protect(db: psycopg.Connection) -> None:
    """Make the rules where they are missing; call within the transaction that makes the tables."""
    db.execute(_MAKE)
    there = {
        name for (name,) in db.execute("SELECT tablename FROM pg_policies WHERE policyname = 'chain_reader'")
    }
    for kind in set(OF_A_SITE) - there:
        db.execute(
            f"ALTER TABLE {kind} ENABLE ROW LEVEL SECURITY; ALTER TABLE {kind} FORCE ROW LEVEL SECURITY;"
            f" CREATE POLICY chain_writer ON {kind} TO CURRENT_USER USING (true) WITH CHECK (true);"
            f" CREATE POLICY chain_reader ON {kind} FOR SELECT"
            f" USING (site = ANY ((SELECT chain_my_sites())::text[]))".encode()
        )
        for (role,) in db.execute("SELECT DISTINCT role FROM chain_readers").fetchall():
            db.execute(sql.SQL("GRANT SELECT ON {} TO {}").format(sql.Identifier(kind), sql.Identifier(role)))


def set_reader(url: str, role: str, sites: Sequence[str]) -> bool:
    """Let a role read these sites and no others; none: not any more. Returns whether the role is new.

    Raises StoreError.
    """
    who = sql.Identifier(role)
    try:
        with psycopg.connect(url, connect_timeout=5) as db:
            known = db.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone()
            if known is None and sites:
                db.execute(sql.SQL("CREATE ROLE {} LOGIN").format(who))
            db.execute("DELETE FROM chain_readers WHERE role = %s", (role,))
            tables = sql.SQL(", ").join(map(sql.Identifier, READ))
            if sites:
                db.execute(sql.SQL("GRANT SELECT ON {} TO {}").format(tables, who))
            elif known is not None:
                db.execute(sql.SQL("REVOKE SELECT ON {} FROM {}").format(tables, who))
            for site in sites:
                db.execute("INSERT INTO chain_readers VALUES (%s, %s)", (role, site))
            return known is None
    except psycopg.Error as error:
        raise StoreError(f"{without_password(url)}: {meaning(error)}") from error
