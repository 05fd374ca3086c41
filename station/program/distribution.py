"""What this program is called where Python packages are installed from, and which release of it runs."""

from importlib.metadata import version
from importlib.util import find_spec

# The package index has a `plumbline` of somebody else's; import names and the command are ours all the same.
DISTRIBUTION = "plumbline-gym"


def release() -> str:
    """The version that is installed."""
    return version(DISTRIBUTION)


def install_with(extra: str) -> str:
    """The command that installs what an optional feature needs."""
    return f"pip install '{DISTRIBUTION}[{extra}]'"


def dashboard_installed() -> bool:
    """Whether screens, record and history can run here; a node alone needs none of it."""
    return all(find_spec(name) for name in ("alembic", "platformdirs", "sqlalchemy", "textual"))
