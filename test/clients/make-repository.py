#!/usr/bin/env python3
"""Makes a small repository with python-tuf itself, to try the client harness on: FOLDER as argument.

FOLDER/metadata holds consistent-snapshot metadata with four succinct bins, a timestamp with an unknown
field, FOLDER/targets two files; `yanked` carries custom data, `unserved` is listed without a file.
"""

import os
import sys
from datetime import datetime, timedelta, timezone
from hashlib import sha256

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import (
    DelegatedRole,
    Delegations,
    Metadata,
    MetaFile,
    Role,
    Root,
    Snapshot,
    SuccinctRoles,
    TargetFile,
    Targets,
    Timestamp,
)

FOLDER = sys.argv[1]
EXPIRES = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(days=1)


def main():
    signer = CryptoSigner.generate_ed25519()
    bins = SuccinctRoles([signer.public_key.keyid], 1, 2, "bin")
    roles = {name: Targets(expires=EXPIRES) for name in ("targets", "bins", *bins.get_roles())}
    keys = {signer.public_key.keyid: signer.public_key}
    role = DelegatedRole("bins", [signer.public_key.keyid], 1, False, paths=["*", "*/*"])
    roles["targets"].delegations = Delegations(keys, {"bins": role})
    roles["bins"].delegations = Delegations(keys, succinct_roles=bins)

    for path, custom in (("pool/a+b~1.deb", None), ("yanked", {"yanked": True}), ("unserved", None)):
        data = f"content of {path}\n".encode()
        info = TargetFile.from_data(path, data, ["sha256"])
        if custom:
            info.unrecognized_fields["custom"] = custom
        roles[bins.get_role_for_target(path)].targets[path] = info
        if path != "unserved":
            folder, name = os.path.split(path)
            write("targets", os.path.join(folder, f"{sha256(data).hexdigest()}.{name}"), data)

    snapshot = Snapshot(expires=EXPIRES)
    for name, signed in roles.items():
        data = publish(f"1.{name}.json", signed, signer)
        snapshot.meta[f"{name}.json"] = MetaFile.from_data(1, data, ["sha256"])
    data = publish("1.snapshot.json", snapshot, signer)
    timestamp = Timestamp(expires=EXPIRES, snapshot_meta=MetaFile.from_data(1, data, ["sha256"]))
    timestamp.unrecognized_fields["merkle_root"] = sha256(b"").hexdigest()
    publish("timestamp.json", timestamp, signer)
    top = {name: Role([signer.public_key.keyid], 1) for name in ("root", "targets", "snapshot", "timestamp")}
    publish("1.root.json", Root(expires=EXPIRES, keys=keys, roles=top, consistent_snapshot=True), signer)


def publish(name, signed, signer):
    metadata = Metadata(signed)
    metadata.sign(signer)
    data = metadata.to_bytes()
    write("metadata", name, data)
    return data


def write(kind, name, data):
    path = os.path.join(FOLDER, kind, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)


main()
