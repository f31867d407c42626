#!/usr/bin/env python3
"""Asks python-tuf: refreshes, then looks up and downloads targets; prints one JSON report.

The request is a JSON object on standard input with the fields of ClientRequest in report.ts, except
that `root` is the path of a file and `folder` is required. The exit status is 0 whenever a report was
printed, whatever it says.
"""

import json
import os
import sys
import time
from urllib.parse import quote

import tuf
from tuf.ngclient import Updater
from tuf.ngclient.urllib3_fetcher import Urllib3Fetcher


class CountingFetcher(Urllib3Fetcher):
    """The default fetcher, counting requests and the bytes of their bodies."""

    def __init__(self):
        super().__init__()
        self.bytes = 0
        self.requests = 0

    def _fetch(self, url):
        self.requests += 1
        for chunk in super()._fetch(url):
            self.bytes += len(chunk)
            yield chunk


def main():
    request = json.load(sys.stdin)
    metadata = os.path.join(request["folder"], "metadata")
    files = os.path.join(request["folder"], "targets")
    os.makedirs(metadata, exist_ok=True)
    os.makedirs(files, exist_ok=True)
    with open(request["root"], "rb") as file:
        root = file.read()

    fetcher = CountingFetcher()
    report = {"client": f"python-tuf {tuf.__version__}", "refresh": {"result": "ok"}, "targets": {}}
    start = time.monotonic()
    try:
        updater = Updater(
            metadata, request["metadataUrl"], files, request["targetUrl"], fetcher, bootstrap=root
        )
        updater.refresh()
    except Exception as error:  # whatever the client raises is the finding
        report["refresh"] = describe(error)
    else:
        for path in request["paths"]:
            file = os.path.join(files, quote(path, ""))
            report["targets"][path] = ask(updater, path, file, request["download"])
    report["seconds"] = time.monotonic() - start
    report["bytes"] = fetcher.bytes
    report["requests"] = fetcher.requests
    report["residentMax"] = resident_max()
    json.dump(report, sys.stdout)


def resident_max():
    """Bytes. What getrusage says includes the parent at the time of the fork."""
    with open("/proc/self/status") as file:
        line = next(line for line in file if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def ask(updater, path, file, download):
    try:
        info = updater.get_targetinfo(path)
        if info is None:
            return {"result": "absent"}
        length = info.length
        if download:
            length = os.path.getsize(updater.download_target(info, file))
    except Exception as error:  # whatever the client raises is the finding
        return describe(error)
    sha256 = info.hashes.get("sha256")
    return {"result": "ok", "length": length, "sha256": sha256, "custom": info.custom}


def describe(error):
    return {"result": "error", "error": type(error).__name__, "message": str(error)}


main()
