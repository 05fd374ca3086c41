import subprocess
import sys

USED_LATER = """
import sys
from edge.node.lean_imports import lean_imports
lean_imports()
import edge.node.node, edge.node.acquisition, numpy, numpy.typing
print(*sorted({"_ssl", "_hashlib", "http.client", "urllib.error"} & set(sys.modules)))
import ssl, hashlib, urllib.request
from ssl import SSLError
context = ssl.create_default_context()
print(context.verify_mode is ssl.CERT_REQUIRED, issubclass(SSLError, OSError), SSLError is ssl.SSLError)
print(hashlib.sha256(b"").hexdigest()[:8], urllib.request.Request("http://localhost/a").selector)
print(numpy.linalg.inv(numpy.eye(2))[0, 0], numpy.typing.NDArray[numpy.float64] is not None)
"""


def test_what_a_node_has_no_use_for_is_loaded_when_it_is_asked_for_and_works_as_ever() -> None:
    command = [sys.executable, "-c", USED_LATER]
    said = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert said.stdout.splitlines() == ["", "True True True", "e3b0c442 /a", "1.0 True"], said.stderr


ALREADY = """
import sys, ssl, numpy.typing
before = dict(sys.modules)
from edge.node.lean_imports import lean_imports
lean_imports()
print(all(sys.modules[name] is before[name] for name in before))
"""


def test_what_is_imported_already_stays_as_it_is() -> None:
    command = [sys.executable, "-c", ALREADY]
    said = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert said.stdout == "True\n", said.stderr
