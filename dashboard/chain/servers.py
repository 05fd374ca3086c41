"""What the three servers of a chain are told: who may do what, TLS, replicas, limits. Pure.

    who      is                                      may publish                   may hear
    a site   DNS:SITE.site in its certificate        chain.events.SITE, .floor.    chain.ack.SITE, .look.
    a coach  DNS:NAME.coach                          chain.look.SITE of theirs     chain.floor.SITE
    ingest   DNS:ingest                              acknowledgements, JetStream's requests for its stream
    check    DNS:check                               questions to JetStream

Who somebody is stands in their certificate, so the configuration holds no secret and a credential ends with
its certificate. The servers talk to each other under an authority of their own: a site's certificate signed
by the same one would let it join as a server, which nothing restricts.
"""

import re
from collections.abc import Sequence

import msgspec

from dashboard.chain.batch import ACKS, CONSUMER, EVENTS, STREAM, subject
from dashboard.chain.floor.looks import FLOORS, LOOKS
from station.errors import ConfigError
from station.topics import NAME

HOST = re.compile(r"[A-Za-z0-9.-]{1,253}")
REPLICAS = 3
INGEST, CHECK = "ingest", "check"
_API = "$JS.API"
RIGHTS = {
    INGEST: (
        f"{ACKS}.*",
        f"$JS.ACK.{STREAM}.{CONSUMER}.>",
        f"{_API}.STREAM.*.{STREAM}",
        f"{_API}.CONSUMER.*.{STREAM}.{CONSUMER}",
        f"{_API}.CONSUMER.*.*.{STREAM}.{CONSUMER}",
    ),
    CHECK: (f"{_API}.INFO", f"{_API}.STREAM.INFO.{STREAM}", f"{_API}.CONSUMER.INFO.{STREAM}.{CONSUMER}"),
}


class Server(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One server: where clients and the other servers reach it."""

    host: str
    port: int = 4222
    route_port: int = 6222


class Chain(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`chain.json`: the servers and the sites."""

    servers: list[Server]
    sites: list[str]
    store_gib: int = 20  # of each server, on disk
    coaches: dict[str, list[str]] = {}  # whose floors somebody sees, by name


def check(chain: Chain) -> None:
    """Raise ConfigError for names, addresses or ports that a chain cannot have."""
    if len(chain.servers) != REPLICAS:
        raise ConfigError(f"{len(chain.servers)} servers; a chain has {REPLICAS}, so that one may be gone")
    for server in chain.servers:
        if HOST.fullmatch(server.host) is None:
            raise ConfigError(f"--server {server.host!r}; give a name or an IPv4 address")
        if not (0 < server.port < 65_536 and 0 < server.route_port < 65_536):
            raise ConfigError(
                f"{server.host}: ports {server.port}, {server.route_port}; a port is 1 to 65535"
            )
    if len({(one.host, one.port) for one in chain.servers}) < REPLICAS:
        raise ConfigError("two servers are the same; each is on a machine of its own")
    for site in chain.sites:
        if NAME.fullmatch(site) is None or site in RIGHTS:
            raise ConfigError(
                f"{site!r} is no site; use 1 to 32 of the characters a-z, 0-9 and -, and not a role's name"
            )
    for coach, sites in chain.coaches.items():
        if NAME.fullmatch(coach) is None or not sites:
            raise ConfigError(f"--coach {coach!r}; use 1 to 32 of the characters a-z, 0-9 and -")
        unknown = [site for site in sites if site not in chain.sites]
        if unknown:
            raise ConfigError(f"--coach {coach}: {', '.join(unknown)} is no site of this chain")
    if chain.store_gib < 1:
        raise ConfigError(f"--store-gib is {chain.store_gib}; give 1 or more")


def name_in_certificate(user: str) -> str:
    """The DNS name by which a server knows a user: a site is never `ingest`, `check` or a coach."""
    return user if user in RIGHTS or "." in user else f"{user}.site"


def coach(name: str) -> str:
    """A coach as a user."""
    return f"{name}.coach"


def configuration(chain: Chain, number: int, folder: str) -> str:
    """The file of a server, counted from 0; its certificates and its store are in `folder`."""
    server = chain.servers[number]
    routes = ", ".join(f'"nats-route://{one.host}:{one.route_port}"' for one in chain.servers)
    users = [_user(INGEST, RIGHTS[INGEST], ("_INBOX.>",)), _user(CHECK, RIGHTS[CHECK], ("_INBOX.>",))]
    for site in chain.sites:
        may_hear = (subject(ACKS, site), subject(LOOKS, site))
        users.append(_user(site, (subject(EVENTS, site), subject(FLOORS, site)), may_hear))
    for name, sites in chain.coaches.items():
        looks, floors = ([subject(prefix, site) for site in sites] for prefix in (LOOKS, FLOORS))
        users.append(_user(coach(name), looks, floors))
    listed = "\n".join(f"      {user}" for user in users)
    return f"""\
# Written by `plumbline chain init`; give it more sites there.
server_name: plumbline-{number + 1}
listen: "0.0.0.0:{server.port}"
max_payload: 1048576
max_connections: 65536
max_subscriptions: 1000
max_control_line: 4096
max_pending: 67108864
write_deadline: "10s"
tls {{
  cert_file: "{folder}/server.pem"
  key_file: "{folder}/server.key"
  ca_file: "{folder}/ca.pem"
  verify_and_map: true
  timeout: 5
}}
jetstream {{
  store_dir: "{folder}/store"
  max_memory_store: 67108864
  max_file_store: {chain.store_gib << 30}
}}
cluster {{
  name: plumbline
  no_advertise: true
  listen: "0.0.0.0:{server.route_port}"
  routes: [{routes}]
  tls {{
    cert_file: "{folder}/route.pem"
    key_file: "{folder}/route.key"
    ca_file: "{folder}/routes-ca.pem"
    verify: true
    timeout: 5
  }}
}}
accounts {{
  SYS {{}}
  CHAIN {{
    jetstream: {{ max_mem: 0, max_file: {chain.store_gib << 30}, max_streams: 1, max_consumers: 4 }}
    users: [
{listed}
    ]
  }}
}}
system_account: SYS
"""


def _user(name: str, publish: Sequence[str], hear: Sequence[str]) -> str:
    may_publish, may_hear = (", ".join(f'"{one}"' for one in some) for some in (publish, hear))
    return (
        f'{{ user: "{name_in_certificate(name)}", permissions:'
        f" {{ publish: [{may_publish}], subscribe: [{may_hear}] }} }}"
    )
