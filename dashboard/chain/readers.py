"""Who may read what of the chain's database: a role for each coach, who sees the rows of their own gyms.

The database itself holds every reader to it, its owner too (forced row-level security): no query, and no
program with that role's password, gets another gym's row. What a role may see stands in a table and is asked
once in a query, so a query costs what it would with the same sites written into it. Whoever reads one gym
belongs to another group than who reads several: an equality lets PostgreSQL take rows in the order of an
index, a list of sites has it read all of them and sort. The group decides how the database looks, the table
what it finds.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import psycopg
from psycopg import sql

from dashboard.chain.kinds import KINDS
from dashboard.database.postgres import meaning, without_password
from dashboard.database.tables import ATHLETES, PLANS, VERSION
from dashboard.history.queries import PRACTISED
from station.errors import StoreError

OF_A_SITE = (*KINDS, PRACTISED.name)
READ = (*OF_A_SITE, VERSION.name, ATHLETES.name, PLANS.name)  # the last two are empty: names stay in the gym
_ONE, _SEVERAL = "site = (SELECT chain_my_site())", "site = ANY ((SELECT chain_my_sites())::text[])"

# session_user: SET ROLE does not change it.
_MAKE = """
CREATE TABLE IF NOT EXISTS chain_readers (role name, site text, PRIMARY KEY (role, site));
CREATE OR REPLACE FUNCTION chain_my_sites() RETURNS text[] LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    AS $$ BEGIN RETURN (SELECT coalesce(array_agg(site), '{}') FROM public.chain_readers
    WHERE role = session_user); END $$;
CREATE OR REPLACE FUNCTION chain_my_site() RETURNS text LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    AS $$ BEGIN RETURN (SELECT site FROM public.chain_readers WHERE role = session_user LIMIT 1); END $$;
"""


class Reader(NamedTuple):
    """A role that may read."""

    new: bool
    silent: list[str]  # sites of its own that nothing has come from


def protect(db: psycopg.Connection) -> None:
    """Make the rules where they are missing; call within the transaction that makes the tables."""
    db.execute(_MAKE)
    query = "SELECT tablename FROM pg_policies WHERE policyname = 'chain_writer'"
    for kind in set(OF_A_SITE) - {name for (name,) in db.execute(query)}:
        db.execute(
            f"ALTER TABLE {kind} ENABLE ROW LEVEL SECURITY; ALTER TABLE {kind} FORCE ROW LEVEL SECURITY;"
            f" CREATE POLICY chain_writer ON {kind} TO CURRENT_USER USING (true) WITH CHECK (true)".encode()
        )
    groups = _groups(db)
    if groups.keys() <= _roles(db, groups):
        _let_read(db, groups)


def set_reader(url: str, role: str, sites: Sequence[str]) -> Reader:
    """Let a role read these sites and no others; none: not any more. Raises StoreError."""
    who, rule = sql.Identifier(role), _ONE if len(set(sites)) == 1 else _SEVERAL
    try:
        with psycopg.connect(url, connect_timeout=5) as db:
            groups = _groups(db)
            there = _roles(db, [role, *groups])
            for group in groups.keys() - there:
                db.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(group)))
            _let_read(db, groups)
            if role not in there and sites:
                db.execute(sql.SQL("CREATE ROLE {} LOGIN").format(who))
            db.execute("DELETE FROM chain_readers WHERE role = %s", (role,))
            for site in set(sites):
                db.execute("INSERT INTO chain_readers VALUES (%s, %s)", (role, site))
            for group in groups if role in there or sites else ():
                change = "GRANT {} TO {}" if sites and groups[group] == rule else "REVOKE {} FROM {}"
                db.execute(sql.SQL(change).format(sql.Identifier(group), who))
            heard = {site for (site,) in db.execute("SELECT site FROM chain_sites")}
            return Reader(role not in there, sorted(set(sites) - heard))
    except psycopg.Error as error:
        raise StoreError(f"{without_password(url)}: {meaning(error)}") from error


def _groups(db: psycopg.Connection) -> dict[str, str]:
    """The groups and what their members see. Roles are of the whole server, the rights of this database."""
    return {f"{db.info.dbname}_one_gym": _ONE, f"{db.info.dbname}_several_gyms": _SEVERAL}


def _roles(db: psycopg.Connection, names: Iterable[str]) -> set[str]:
    """Those of these roles that are there."""
    found = db.execute("SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)", (list(names),))
    return {name for (name,) in found}


def _let_read(db: psycopg.Connection, groups: Mapping[str, str]) -> None:
    """Have the tables' rules for these groups."""
    there = set(db.execute("SELECT tablename, policyname FROM pg_policies"))
    for group, rule in groups.items():
        who, tables = sql.Identifier(group), sql.SQL(", ").join(map(sql.Identifier, READ))
        for kind in OF_A_SITE:
            if (kind, group) not in there:
                made = sql.SQL("CREATE POLICY {} ON {} FOR SELECT TO {} USING ({})")
                db.execute(made.format(who, sql.Identifier(kind), who, sql.SQL(rule)))
        db.execute(sql.SQL("GRANT SELECT ON {} TO {}").format(tables, who))
