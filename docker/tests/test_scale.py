"""Workers come and go while queries run."""

import time

from cluster import Stream


def test_eight_workers_and_back_to_one_under_a_stream_of_queries(new_cluster, report):
    # Small ones: what is tested is their coming and going.
    cluster = new_cluster(WORKER_MEMORY="512m")
    cluster.up(workers=1)
    with Stream(cluster) as stream:
        begin = time.monotonic()
        cluster.scale(8)
        cluster.wait_for_workers(8)
        more = time.monotonic() - begin
        time.sleep(3)
        begin = time.monotonic()
        cluster.scale(1)
        cluster.wait_for_workers(1)
        fewer = time.monotonic() - begin
        time.sleep(2)
    report(f"{stream}; to 8 workers in {more:.1f} s, to 1 in {fewer:.1f} s")
    assert not stream.failed, stream.failed[0]
    assert stream.asked > 5
