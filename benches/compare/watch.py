"""Watches a master as people and Prometheus do, until it is ended: `python -m compare.watch http://HOST:PORT`.

The overview and the page of the newest job are kept up to date all the time, and metrics are asked for every 5 s.
"""

from __future__ import annotations

import json
import sys
import threading
import time
import urllib.parse
import urllib.request

SCRAPE_SECONDS = 5.0
LOOK_SECONDS = 0.5


def main(master: str) -> None:
    """Watches until the process is ended."""
    threading.Thread(target=_follow, args=(master, "/"), daemon=True).start()
    threading.Thread(target=_scrape, args=(master,), daemon=True).start()
    seen = ""
    while True:
        job = _newest(master)
        if job and job != seen:
            seen = job
            # A browser that goes to the next page closes the last one; here its stream ends with its job.
            threading.Thread(target=_follow, args=(master, f"/jobs/{job}", 10.0), daemon=True).start()
        time.sleep(LOOK_SECONDS)


def _follow(master: str, page: str, limit: float = float("inf")) -> None:
    end = time.monotonic() + limit
    with urllib.request.urlopen(f"{master}/events?of={urllib.parse.quote(page)}") as stream:
        for _ in stream:
            if time.monotonic() > end:
                return


def _scrape(master: str) -> None:
    while True:
        with urllib.request.urlopen(f"{master}/metrics") as answer:
            answer.read()
        time.sleep(SCRAPE_SECONDS)


def _newest(master: str) -> str:
    with urllib.request.urlopen(f"{master}/api/v1/jobs?limit=1") as answer:
        jobs = json.load(answer)
    return jobs[0]["id"] if jobs else ""


if __name__ == "__main__":
    main(sys.argv[1])
