"""What a user does first, and that what they made outlives the containers."""

import json
import shutil
import time
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from engine import docker, within

HERE = Path(__file__).parent
JOB = HERE.parent.parent / "notebooks" / "jobs" / "orders_by_nation.sql"


def test_five_commands_and_down_and_up_again(new_cluster, report):
    cluster = new_cluster()
    begin = time.monotonic()
    cluster.compose("up", "-d", "--no-build", "master", "worker").ok()
    up = time.monotonic() - begin
    count = ("springald", "sql", "--format", "csv", "-e", "SELECT count(*) FROM '/opt/workspace/datain/tpch/lineitem'")
    answer = within(20, "a first answer", lambda: docker("exec", cluster.container("master"), *count).out)
    first = time.monotonic() - begin
    report(f"up returned after {up:.1f} s, the first answer was there after {first:.1f} s: {answer.split()[-1]} rows")
    cluster.wait_for_workers(2)

    # The commands of the README.
    assert cluster.sql("SELECT count(*) AS n FROM '/opt/workspace/datain/people.csv'").ok().out.startswith("n\n")
    (cluster.notebooks / "jobs").mkdir(exist_ok=True)
    shutil.copy(JOB, cluster.notebooks / "jobs")
    submit = ("submit", "--format", "csv", f"/opt/workspace/notebooks/jobs/{JOB.name}")
    done = cluster.springald(*submit, "--param", "out=/opt/workspace/dataout/orders").ok()
    assert "\nnation,orders,total\n" in done.out
    words = ("run", "wordcount", "/opt/workspace/datain/words.txt")
    cluster.springald(*words, "--output", "/opt/workspace/dataout/words.parquet").ok()
    assert "features[0]" in cluster.springald("run", "linreg", "/opt/workspace/datain/points.libsvm").ok().out

    begin = time.monotonic()
    cluster.down()
    assert not cluster.containers("master") and not cluster.containers("worker")
    # What the user changed is not put back, what they removed stays away.
    cluster.compose("run", "--rm", "--no-deps", "--entrypoint", "rm", "first-start", "/opt/workspace/datain/people.csv").ok()
    cluster.up()
    total = "SELECT sum(orders) AS n FROM '/opt/workspace/dataout/orders/'"
    assert cluster.sql(total).ok().out.split()[-1] == "15000"
    assert int(cluster.sql("SELECT count(*) AS n FROM '/opt/workspace/dataout/words.parquet'").ok().out.split()[-1]) > 1
    cluster.sql("SELECT * FROM '/opt/workspace/datain/people.csv'").refused("people.csv")
    report(f"down and up again, with the results of before, took {time.monotonic() - begin:.1f} s")


def test_only_the_masters_ports_and_jupyters_are_published(new_cluster, report):
    cluster = new_cluster(JUPYTER_TOKEN="a-token-of-the-test")
    shutil.copy(HERE / "cluster.ipynb", cluster.notebooks)
    begin = time.monotonic()
    cluster.up("master", "worker", "jupyter")
    published = {}
    for service in ("master", "worker", "jupyter"):
        ports = json.loads(cluster.inspect(cluster.container(service), "{{json .NetworkSettings.Ports}}"))
        published[service] = sorted(port for port, where in ports.items() if where)
    assert published == {"master": ["7077/tcp", "8080/tcp"], "worker": [], "jupyter": ["8888/tcp"]}

    def status(token: str) -> int:
        url = f"http://127.0.0.1:{cluster.jupyter_port}/api/status"
        try:
            return urlopen(Request(url, headers={"Authorization": f"token {token}"}), timeout=5).status
        except HTTPError as e:
            return e.code
        except OSError:
            return 0

    within(60, "JupyterLab answers", lambda: status("a-token-of-the-test") == 200)
    assert status("another") == 403
    report(f"JupyterLab answered {time.monotonic() - begin:.1f} s after `up`, and refused another token")

    # Written as the containers' user, into the host's folder and the volume.
    jupyter = cluster.container("jupyter")
    assert docker("exec", jupyter, "touch", "/opt/workspace/notebooks/saved.ipynb").ok()
    assert (cluster.notebooks / "saved.ipynb").exists()
    if docker("exec", jupyter, "python", "-c", "import springald").code != 0:
        pytest.skip("this Jupyter image was built without the Python package's wheel")
    begin = time.monotonic()
    convert = ("jupyter", "nbconvert", "--to", "notebook", "--execute", "--output-dir", "/opt/workspace/dataout")
    docker("exec", jupyter, *convert, "/opt/workspace/notebooks/cluster.ipynb", seconds=180).ok()
    assert cluster.sql("SELECT sum(n) FROM '/opt/workspace/dataout/from-notebook/'").ok().out.split()[-1] == "1500"
    jobs = json.loads(cluster.springald("jobs", "--format", "json").ok().out)
    assert any(job["state"] == "done" for job in jobs), jobs
    report(f"a notebook ran on the cluster from within Jupyter's container in {time.monotonic() - begin:.1f} s")
