#!/usr/bin/env python3
"""python-tuf's verdicts: a case a line on standard input, its visits' verdicts a line on standard output.

What a case is, theirs.ts says; what a verdict is, verdict.ts. Nothing is fetched: the files come with the case.
"""

import base64
import datetime
import hashlib
import json
import os
import sys
import tempfile
import warnings
from urllib.parse import unquote

from tuf.api.exceptions import DownloadHTTPError
from tuf.ngclient import FetcherInterface, Updater, UpdaterConfig

METADATA = "https://repository.example/metadata/"
TARGETS = "https://repository.example/targets/"
FAULT, ENDLESS = -1, -2


class Files(FetcherInterface):
    """Answers with what a visit's server has."""

    def __init__(self, files):
        self.files = files

    def _fetch(self, url):
        # Names of roles are encoded in a URL, paths of targets are not.
        if url.startswith(METADATA):
            name = "metadata/" + unquote(url[len(METADATA) :])
        else:
            name = "targets/" + url[len(TARGETS) :]
        served = self.files.get(name)
        if served is None:
            raise DownloadHTTPError("not there", 404)
        if served == FAULT:
            raise DownloadHTTPError("at fault", 500)
        if served == ENDLESS:
            return endless()
        return (served[at : at + 1000] for at in range(0, len(served), 1000))


def endless():
    chunk = b" " * 65536
    while True:
        yield chunk


def main():
    warnings.simplefilter("ignore")
    for line in sys.stdin:
        case = json.loads(line)
        with tempfile.TemporaryDirectory() as folder:
            verdicts = visit_all(case, folder)
        print(json.dumps(verdicts), flush=True)


def visit_all(case, folder):
    blobs = [base64.b64decode(blob) for blob in case["blobs"]]
    metadata = os.path.join(folder, "metadata")
    os.mkdir(metadata)
    config = UpdaterConfig(max_root_rotations=case["roots"])
    verdicts = []
    for visit in case["visits"]:
        files = {name: blobs[i] if i >= 0 else i for name, i in visit["files"]}
        # From the second visit on, trust is what the first one left.
        has_root = os.path.exists(os.path.join(metadata, "root.json"))
        root = None if has_root else blobs[case["root"]]
        verdict = visit_once(Files(files), metadata, config, root, visit, folder)
        verdicts.append({**verdict, "store": listing(metadata)})
    return verdicts


def visit_once(fetcher, metadata, config, root, visit, folder):
    try:
        updater = Updater(
            metadata, METADATA, folder, TARGETS, fetcher, config=config, bootstrap=root
        )
        now = datetime.datetime.fromtimestamp(visit["now"] / 1000, datetime.timezone.utc)
        updater._trusted_set.reference_time = now
        updater.refresh()
    except Exception as error:  # whatever the client raises is the finding
        return {"refused": describe(error), "targets": []}
    return {"targets": [look_up(updater, path, folder) for path in visit["paths"]]}


def look_up(updater, path, folder):
    verdict = {"path": path}
    try:
        info = updater.get_targetinfo(path)
    except Exception as error:  # as above
        return {**verdict, "refused": describe(error)}
    if info is None:
        return verdict
    found = [info.length, sorted([list(each) for each in info.hashes.items()]), info.custom]
    verdict["found"] = json.dumps(found, separators=(",", ":"), ensure_ascii=False)
    try:
        updater.download_target(info, os.path.join(folder, "target"))
    except Exception as error:  # as above
        verdict["download"] = describe(error)
    return verdict


def listing(metadata):
    store = {}
    for name in os.listdir(metadata):
        path = os.path.join(metadata, name)
        if os.path.isfile(path):
            with open(path, "rb") as file:
                store[name] = hashlib.sha256(file.read()).hexdigest()
    return store


def describe(error):
    cause = f" ({error.__cause__!r})" if error.__cause__ else ""
    return f"{type(error).__name__}: {error}{cause}"[:300]


main()
