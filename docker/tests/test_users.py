"""A client container for each user: a name, a folder and a session of its own."""

import os

import pytest

from cluster import DOCKER
from engine import JUPYTER_IMAGE, docker, run


@pytest.fixture
def user(cluster):
    """Runs a command in a user's container, as docker/client.sh does."""
    names = set()

    def client(name, *command):
        names.add(name)
        settings = {"PATH": os.environ["PATH"], "PROJECT": cluster.project, "JUPYTER_IMAGE": JUPYTER_IMAGE}
        return run("sh", str(DOCKER / "client.sh"), name, *command, env=settings)

    yield client
    for name in names:
        docker("rm", "-f", f"{cluster.project}-client-{name}")


def test_two_users_do_not_see_each_others_tables(user, report):
    sql = ("springald", "sql", "--format", "csv")
    mine = "CACHE TABLE mine AS SELECT 7 AS n"
    assert user("alice", "pwd").ok().out.strip() == "/opt/workspace/users/alice"
    assert user("alice", "hostname").ok().out.strip() == "alice"
    assert user("alice", *sql, "-e", mine, "-e", "SELECT n FROM mine").ok().out.split()[-1] == "7"
    user("bob", *sql, "-e", "SELECT n FROM mine").refused("mine")
    # A file in her folder, under a relative path, and by its full one for everybody.
    user("alice", *sql, "-e", "SELECT 7 AS n", "--output", "seven.parquet").ok()
    seven = "SELECT n FROM '/opt/workspace/users/alice/seven.parquet'"
    assert user("bob", *sql, "-e", seven).ok().out.split()[-1] == "7"
    report("alice's cached table is not there for bob; her file is, by its path")


def test_a_name_that_is_none_is_refused(user):
    user("../up", "true").refused("small letters")
