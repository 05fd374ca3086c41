"""A coach's role in the chain's database sees the rows of its own gyms, whatever it asks."""

from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dashboard.chain.readers import OF_A_SITE, READ, set_reader
from dashboard.chain.store import ChainStore
from station.cli import main
from station.errors import StoreError
from tests.dashboard.chain.test_batches import batch_of, row

SITES = ["gym-a", "gym-b", "gym-c"]
QUESTIONS = [
    "SELECT site FROM reps",
    "SELECT site FROM reps WHERE athlete = 'a-17' AND exercise = 'rdl' ORDER BY at_utc DESC LIMIT 50",
    "SELECT site FROM reps WHERE site <> 'nowhere' OR true",
    "SELECT max(site) FROM reps GROUP BY athlete, session, site",
    "SELECT a.site FROM reps a JOIN reps b ON a.event_id = b.event_id AND a.site <= b.site",
    "SELECT site FROM (SELECT *, row_number() OVER (ORDER BY site) FROM reps) numbered",
    "SELECT site FROM erased UNION ALL SELECT site FROM sets UNION ALL SELECT site FROM commands",
]
FORBIDDEN = [
    "DELETE FROM reps", "UPDATE reps SET site = 'gym-a'",
    "INSERT INTO erased VALUES ('x', now(), 1, 1, 'gym-a')",
    "SELECT * FROM reps_other", "SELECT * FROM chain_sites", "SELECT * FROM chain_streams",
    "SELECT * FROM chain_gone", "SELECT * FROM quarantine", "SELECT * FROM received", "TRUNCATE reps",
    "SET row_security = off; SELECT * FROM reps", "CREATE POLICY mine ON reps USING (true)",
    "ALTER POLICY chain_writer ON reps TO PUBLIC", "SET SESSION AUTHORIZATION plumbline",
    "GRANT plumbline TO session_user", "ALTER ROLE CURRENT_USER BYPASSRLS",
    "ALTER TABLE reps NO FORCE ROW LEVEL SECURITY",
    "DROP POLICY chain_writer ON reps", "SET ROLE plumbline", "CREATE TABLE mine (a int)",
]  # fmt: skip


@pytest.fixture(scope="module")
def url(postgres: Any) -> str:
    """A chain with reps of three gyms."""
    found: str = postgres.database()
    store = ChainStore(found)
    for site in SITES:
        some = [
            row(n, event_id=f"r{n}", counted=True, number=1, start_s=0.0, end_s=1.0) for n in range(1, 31)
        ]
        store.write([batch_of(site, *some, last=30)])
    store.close()
    return found


def as_coach(url: str, role: str) -> str:
    return url.replace("plumbline@", f"{role}@")


@given(st.sets(st.sampled_from(SITES)), st.sampled_from(QUESTIONS))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_coach_sees_these_gyms_and_no_others(url: str, sites: set[str], question: str) -> None:
    set_reader(url, "coach", ["gym-b"])  # is there, whatever it may read next
    set_reader(url, "coach", sorted(sites))
    with psycopg.connect(as_coach(url, "coach")) as db:
        if not sites:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                db.execute(question.encode())
            return
        found = {site for (site,) in db.execute(question.encode())}
    assert found <= sites
    if "reps" in question and "LIMIT" not in question:
        assert found == sites


@pytest.mark.parametrize("statement", FORBIDDEN)
def test_a_coach_changes_nothing_and_reads_nothing_else(url: str, statement: str) -> None:
    set_reader(url, "coach-2", ["gym-a"])
    with (
        psycopg.connect(as_coach(url, "coach-2")) as db,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        db.execute(statement.encode())


def test_the_owner_is_held_to_it_as_well(url: str) -> None:
    with psycopg.connect(url) as db:
        query = "SELECT relname FROM pg_class WHERE relrowsecurity AND relforcerowsecurity ORDER BY relname"
        held = [name for (name,) in db.execute(query)]
    assert held == sorted(name for name in READ if name in OF_A_SITE)


def test_export_and_the_sessions_of_a_coach_are_of_their_gym(url: str, tmp_path: Any, capsys: Any) -> None:
    assert main(["chain", "coach", "ana", "--sites", "gym-c", "--db", url]) == 0
    assert "ana reads gym-c" in capsys.readouterr().out
    assert main(["chain", "coach", "ana", "--sites", "gym-c", "gym-x", "--db", url]) == 0
    assert "nothing has come from gym-x yet" in capsys.readouterr().out
    out = tmp_path / "reps.csv"
    assert main(["export", str(out), "--db", as_coach(url, "ana")]) == 0
    sites = {line.split(",")[0] for line in out.read_text().splitlines()[1:]}
    assert sites == {"gym-c"}
    assert main(["report", "list", "--db", as_coach(url, "ana")]) == 0
    assert "a-17" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("sites", "rule", "sorted_by"),
    [(["gym-a"], "site = 'gym-a'", 0), (["gym-c", "gym-a"], "site = ANY ('{gym-a,gym-c}'", 1)],
)
def test_the_gyms_of_a_coach_stand_in_the_plan_as_if_the_question_named_them(
    url: str, sites: list[str], rule: str, sorted_by: int
) -> None:
    set_reader(url, "planner", sites)
    with psycopg.connect(as_coach(url, "planner")) as db:
        db.execute("SET enable_seqscan = off; SET enable_bitmapscan = off")
        question = "SELECT event_id FROM reps WHERE exercise = 'rdl' ORDER BY at_utc DESC"
        plan = "\n".join(line for (line,) in db.execute(f"EXPLAIN {question}".encode()))
    assert "InitPlan" not in plan and "Index Scan" in plan and f"Index Cond: (({rule}" in plan
    assert plan.count("Sort Key") == sorted_by


def seen(db: Any, number: int) -> set[str] | None:
    """What a prepared question finds; None: it is refused."""
    try:
        return {site for (site,) in db.execute(f"EXECUTE asked_{number}".encode())}
    except psycopg.errors.InsufficientPrivilege:
        return None


@given(
    st.lists(st.sets(st.sampled_from(SITES), max_size=2), min_size=1, max_size=3),
    st.sampled_from([number for number, text in enumerate(QUESTIONS) if "reps" in text]),
    st.sampled_from(["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"]),
)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_change_holds_at_once_in_sessions_that_are_open_and_for_plans_that_were_made(
    url: str, changes: list[set[str]], question: int, isolation: str
) -> None:
    set_reader(url, "stays", ["gym-b"])
    with psycopg.connect(as_coach(url, "stays"), autocommit=True) as db:
        db.execute("SET plan_cache_mode = force_generic_plan")
        db.execute(f"PREPARE asked_{question} AS {QUESTIONS[question]}".encode())
        assert seen(db, question) == {"gym-b"}
        for sites in changes:
            db.execute(f"BEGIN ISOLATION LEVEL {isolation}".encode())
            db.execute("SELECT count(*) FROM pg_class")  # from now on it sees what is there now
            set_reader(url, "stays", sorted(sites))
            assert seen(db, question) == (sites or None)
            db.execute("ROLLBACK")
            assert seen(db, question) == (sites or None)


def test_a_coach_who_is_renamed_keeps_these_gyms_and_whoever_gets_the_name_has_none(url: str) -> None:
    set_reader(url, "maiden", ["gym-a"])
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("ALTER ROLE maiden RENAME TO married; CREATE ROLE maiden LOGIN")
    asked = b"SELECT DISTINCT site FROM reps"
    with psycopg.connect(as_coach(url, "maiden")) as db, pytest.raises(psycopg.errors.InsufficientPrivilege):
        db.execute(asked)
    set_reader(url, "maiden", ["gym-b"])
    for role, site in (("married", "gym-a"), ("maiden", "gym-b")):
        with psycopg.connect(as_coach(url, role)) as db:
            assert db.execute(asked).fetchall() == [(site,)]
        set_reader(url, role, [])
        with psycopg.connect(url) as db:
            db.execute(f"DROP ROLE {role}".encode())  # nothing is left that it is named in


@pytest.mark.parametrize("above", ["SUPERUSER", "BYPASSRLS", "IN ROLE plumbline"])
def test_a_role_that_no_rule_holds_is_no_coach(url: str, above: str) -> None:
    role = f"above_{above.split(maxsplit=1)[0].lower()}"
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(f"CREATE ROLE {role} LOGIN {above}".encode())
    with pytest.raises(StoreError, match="give a role of its own"):
        set_reader(url, role, ["gym-a"])


def test_a_database_without_a_chain_has_no_coaches(postgres: Any) -> None:
    with pytest.raises(StoreError, match="plumbline ingest"):
        set_reader(postgres.database(), "nobodys", ["gym-a"])


FIRST_EDITION = """
CREATE TABLE chain_readers (role name, site text, PRIMARY KEY (role, site));
CREATE FUNCTION chain_my_sites() RETURNS text[] LANGUAGE plpgsql STABLE SECURITY DEFINER
    AS $$ BEGIN RETURN (SELECT array_agg(site) FROM public.chain_readers WHERE role = session_user); END $$;
CREATE FUNCTION chain_my_site() RETURNS text LANGUAGE plpgsql STABLE SECURITY DEFINER
    AS $$ BEGIN RETURN (SELECT site FROM public.chain_readers WHERE role = session_user LIMIT 1); END $$;
INSERT INTO chain_readers VALUES ('old_one', 'gym-a'), ('old_two', 'gym-a'), ('old_two', 'gym-c'), ('left', 'gym-b');
"""  # noqa: E501
_OLD_RULES = {
    "one_gym": "site = (SELECT chain_my_site())",
    "several_gyms": "site = ANY ((SELECT chain_my_sites())::text[])",
}


@pytest.mark.parametrize("by", ["a worker's start", "another coach"])
def test_coaches_of_a_chain_from_before_go_on_seeing_what_they_saw(postgres: Any, by: str) -> None:
    url = postgres.database()
    store = ChainStore(url)
    for site in SITES:
        store.write([batch_of(site, row(1, event_id="r1", counted=True, number=1, start_s=0.0, end_s=1.0))])
    store.close()
    roles = {"old_one": {"gym-a"}, "old_two": {"gym-a", "gym-c"}}
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(FIRST_EDITION.encode())
        for role, (ending, rule) in zip(roles, _OLD_RULES.items(), strict=True):
            group = f"{db.info.dbname}_{ending}"
            db.execute(f"DROP ROLE IF EXISTS {role}; CREATE ROLE {group}; CREATE ROLE {role} LOGIN".encode())
            db.execute(f"GRANT SELECT ON {', '.join(READ)} TO {group}; GRANT {group} TO {role}".encode())
            for kind in OF_A_SITE:
                policy = f"CREATE POLICY {group} ON {kind} FOR SELECT TO {group} USING ({rule})"
                db.execute(policy.encode())
    asked = b"SELECT site FROM reps"
    for moved in (False, True):
        if moved and by == "another coach":
            set_reader(url, "newcomer", ["gym-b"])
        elif moved:
            store.open()
            store.close()
        for role, sites in roles.items():
            with psycopg.connect(as_coach(url, role)) as db:
                assert {site for (site,) in db.execute(asked)} == sites
    for role in roles:
        set_reader(url, role, ["gym-b"])
        with psycopg.connect(as_coach(url, role)) as db:
            assert {site for (site,) in db.execute(asked)} == {"gym-b"}
        set_reader(url, role, [])
        with psycopg.connect(as_coach(url, role)) as db, pytest.raises(psycopg.errors.InsufficientPrivilege):
            db.execute(asked)
    with psycopg.connect(url, autocommit=True) as db:
        assert db.execute("SELECT to_regclass('chain_readers')").fetchone() == (None,)
        db.execute("DROP ROLE old_one, old_two")


PEEK = """
CREATE FUNCTION pg_temp.peek(text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE COST 0.0000001 PARALLEL SAFE
    AS $$ BEGIN RAISE NOTICE 'saw %', $1; RETURN true; END $$;
CREATE FUNCTION pg_temp.same(text, text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001
    AS $$ BEGIN RAISE NOTICE 'saw %', $1; RAISE NOTICE 'saw %', $2; RETURN true; END $$;
CREATE OPERATOR pg_temp.=== (LEFTARG = text, RIGHTARG = text, FUNCTION = pg_temp.same);
CREATE FUNCTION pg_temp.always(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE OPERATOR pg_temp.= (LEFTARG = text, RIGHTARG = text, FUNCTION = pg_temp.always);
SET search_path = pg_temp, pg_catalog, public;
"""
SNOOPING = [
    "SELECT site FROM reps WHERE pg_temp.peek(site)",
    "SELECT site FROM reps WHERE pg_temp.peek(site) AND athlete = 'a-17' AND exercise LIKE '%d%' LIMIT 3",
    "SELECT site FROM reps WHERE site OPERATOR(pg_temp.===) 'nowhere'",
    "SELECT a.site FROM reps a JOIN reps b ON a.site OPERATOR(pg_temp.===) b.site AND pg_temp.peek(b.site)",
    "SELECT site FROM reps GROUP BY site HAVING pg_temp.peek(max(site))",
    "SELECT site FROM (SELECT * FROM reps WHERE pg_temp.peek(site) OFFSET 0) inner_one",
    "SELECT site FROM reps WHERE CASE WHEN pg_temp.peek(site) THEN 1 / 0 = 1 ELSE false END IS NULL",
    "SELECT site FROM reps WHERE site = 'gym-b' OR pg_temp.peek(site)",
    "SELECT site FROM reps TABLESAMPLE SYSTEM (100) WHERE pg_temp.peek(site)",
    "SELECT unnest(most_common_vals::text::text[]) FROM pg_stats WHERE attname = 'site'",
    "SELECT site FROM reps WHERE site IN (SELECT site FROM sets UNION VALUES ('gym-b'), ('gym-c'))",
]  # fmt: skip


@given(
    st.sets(st.sampled_from(SITES), min_size=1, max_size=2),
    st.sampled_from(SNOOPING),
    st.sets(st.sampled_from(["seqscan", "indexscan", "hashjoin", "nestloop", "sort"])),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_functions_and_operators_of_a_coach_are_shown_rows_of_these_gyms_alone(
    url: str, sites: set[str], question: str, without: set[str]
) -> None:
    set_reader(url, "snoop", sorted(sites))
    told: list[str] = []
    with psycopg.connect(as_coach(url, "snoop")) as db:
        db.execute(PEEK.encode())
        db.add_notice_handler(lambda notice: told.append(notice.message_primary or ""))
        for plan in sorted(without):
            db.execute(f"SET enable_{plan} = off".encode())
        try:
            found = {site for (site,) in db.execute(question.encode())}
        except psycopg.errors.DivisionByZero:
            found = set()
    assert found | {text.removeprefix("saw ") for text in told} <= sites | {"nowhere"}
