"""Who may read what of the chain's database: a role for each coach, who sees the rows of their own gyms.

The database itself holds every reader to it, its owner too (forced row-level security): no query, and no
program with that role's password, gets another gym's row. Each coach has a rule of their own in which the
gyms stand written. PostgreSQL plans a question with them as if they stood in the question, where a rule that
looked them up cost a short question a fifth more; and whoever holds a plan from before a change of rules
has it made anew, which a function that the planner takes for constant does not see to. A thousand coaches
cost a question 0.02 ms.
"""

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import psycopg
from psycopg import sql

from dashboard.chain.kinds import KINDS
from dashboard.database.postgres import meaning, without_password
from dashboard.database.tables import ATHLETES, PLANS, VERSION
from dashboard.history.queries import PRACTISED
from station.errors import StoreError
from station.messages import new_id

OF_A_SITE = (*KINDS, PRACTISED.name)
READ = (*OF_A_SITE, VERSION.name, ATHLETES.name, PLANS.name)  # the last two are empty: names stay in the gym
LOCK_WAIT = "10s"  # rules are changed while nobody reads

# In the first chains rules for two groups had functions look the gyms up in a table, for every question.
_DROP_FIRST = """
DROP FUNCTION IF EXISTS chain_my_site();
DROP FUNCTION IF EXISTS chain_my_sites();
DROP TABLE chain_readers;
"""


class Reader(NamedTuple):
    """A role that may read."""

    new: bool
    silent: list[str]  # sites of its own that nothing has come from


def protect(db: psycopg.Connection) -> None:
    """Create the row-level security policies that are missing, in the transaction that makes the tables."""
    query = "SELECT tablename FROM pg_policies WHERE policyname = 'chain_writer'"
    for kind in set(OF_A_SITE) - {name for (name,) in db.execute(query)}:
        db.execute(
            f"ALTER TABLE {kind} ENABLE ROW LEVEL SECURITY; ALTER TABLE {kind} FORCE ROW LEVEL SECURITY;"
            f" CREATE POLICY chain_writer ON {kind} TO CURRENT_USER USING (true) WITH CHECK (true)".encode()
        )
    if db.execute("SELECT to_regclass('chain_readers')").fetchone() != (None,):
        _write_out(db)
    if _is_role(db, _group(db)):
        _grant(db)


def set_reader(url: str, role: str, sites: Sequence[str]) -> Reader:
    """Let a role read these sites and no others; none: not any more. Raises StoreError."""
    who = sql.Identifier(role)
    try:
        with psycopg.connect(url, connect_timeout=5) as db:
            # A worker that writes has locked this first: without, each could hold what the other waits for.
            db.execute(f"SET LOCAL lock_timeout = '{LOCK_WAIT}'; LOCK chain_sites IN EXCLUSIVE MODE".encode())
            protect(db)
            group, there = _group(db), _is_role(db, role)
            if there and _sees_all(db, role):
                raise StoreError(f"{role} owns the tables or is above all rules; give a role of its own")
            if not _is_role(db, group):
                db.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(group)))
                _grant(db)
            if not there and sites:
                db.execute(sql.SQL("CREATE ROLE {} LOGIN").format(who))
            if there or sites:
                _rule(db, role, sites)
                for one in filter(lambda one: _is_role(db, one), (group, *_first(db))):
                    change = "GRANT {} TO {}" if sites and one == group else "REVOKE {} FROM {}"
                    db.execute(sql.SQL(change).format(sql.Identifier(one), who))
            heard = {site for (site,) in db.execute("SELECT site FROM chain_sites")}
            return Reader(not there, sorted(set(sites) - heard))
    except psycopg.errors.LockNotAvailable as error:
        raise StoreError(
            f"{without_password(url)}: in use for {LOCK_WAIT} on end; try again later"
        ) from error
    except psycopg.errors.UndefinedTable as error:
        raise StoreError(
            f"{without_password(url)}: no chain's tables; `plumbline ingest` makes them"
        ) from error
    except psycopg.Error as error:
        raise StoreError(f"{without_password(url)}: {meaning(error)}") from error


def _rule(db: psycopg.Connection, role: str, sites: Sequence[str]) -> None:
    """Have one rule for a role on each table, or none; whatever it is called now, it is the same role."""
    who = sql.Identifier(role)
    query = "SELECT tablename, policyname FROM pg_policies WHERE roles = ARRAY[%s]::name[]"
    for table, policy in db.execute(query, (role,)).fetchall():
        drop = sql.SQL("DROP POLICY {} ON {}")
        db.execute(drop.format(sql.Identifier(policy), sql.Identifier(table)))
    rule = sql.SQL("site IN ({})").format(sql.SQL(", ").join(map(sql.Literal, sorted(set(sites)))))
    made = sql.SQL("CREATE POLICY {} ON {} FOR SELECT TO {} USING ({})")
    for table in OF_A_SITE if sites else ():
        name = sql.Identifier(f"coach_{new_id()}")
        db.execute(made.format(name, sql.Identifier(table), who, rule))


def _write_out(db: psycopg.Connection) -> None:
    """Have a rule for each coach in place of those of the two groups; they go on as they did."""
    for role, sites in db.execute("SELECT role, array_agg(site) FROM chain_readers GROUP BY role").fetchall():
        if _is_role(db, role):
            _rule(db, role, sites)
    drop = sql.SQL("DROP POLICY IF EXISTS {} ON {}")
    for group, table in product(_first(db), OF_A_SITE):
        db.execute(drop.format(sql.Identifier(group), sql.Identifier(table)))
    db.execute(_DROP_FIRST)


def _group(db: psycopg.Connection) -> str:
    """What coaches have in common: the tables' right to be read. Roles are of the whole server."""
    return f"{db.info.dbname}_coaches"


def _first(db: psycopg.Connection) -> list[str]:
    """The groups of the first chains; their members keep the right to read with them."""
    return [f"{db.info.dbname}_one_gym", f"{db.info.dbname}_several_gyms"]


def _grant(db: psycopg.Connection) -> None:
    who, read = sql.Identifier(_group(db)), sql.SQL(", ").join(map(sql.Identifier, READ))
    db.execute(sql.SQL("GRANT SELECT ON {} TO {}").format(read, who))


def _is_role(db: psycopg.Connection, name: str) -> bool:
    return db.execute("SELECT FROM pg_roles WHERE rolname = %s", (name,)).fetchone() is not None


def _sees_all(db: psycopg.Connection, role: str) -> bool:
    """Whether no rule holds a role, or it may change them."""
    owner = "SELECT relowner FROM pg_class WHERE oid = 'chain_sites'::regclass"
    query = f"SELECT rolbypassrls OR pg_has_role(oid, ({owner}), 'member') FROM pg_roles WHERE rolname = %s"
    return db.execute(query.encode(), (role,)).fetchone() == (True,)
