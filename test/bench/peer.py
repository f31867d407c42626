# The peer: python-tuf keeps a repository of hashed bins (succinct roles, 16,384 of them) in memory and
# publishes one batch of uploads, with fsync of every file, as the ledger under test does.
# Arguments: folder, number of bits, targets to begin with, size of the batch. Prints one line of JSON.
import datetime, hashlib, json, os, sys, time

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import (
    Metadata, MetaFile, Snapshot, SuccinctRoles, TargetFile, Targets, Timestamp,
)
from tuf.api.serialization.json import JSONSerializer

folder, bits, start, batch = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
signer = CryptoSigner.generate_ed25519()
expires = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)
succinct = SuccinctRoles([signer.public_key.keyid], 1, bits, "bin")
bins = {name: Metadata(Targets(expires=expires)) for name in succinct.get_roles()}
snapshot = Metadata(Snapshot(expires=expires))
timestamp = Metadata(Timestamp(expires=expires))
serializer = JSONSerializer(compact=True)


def add(i):
    path = f"project-{i}/project_{i}-1.0-py3-none-any.whl"
    digest = hashlib.sha256(path.encode()).hexdigest()
    name = succinct.get_role_for_target(path)
    bins[name].signed.targets[path] = TargetFile(1000 + i, {"sha256": digest}, path)
    return name


def write(name, data):
    with open(os.path.join(folder, name + ".tmp"), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.rename(os.path.join(folder, name + ".tmp"), os.path.join(folder, name))


def publish(names):
    for name in names:
        metadata = bins[name]
        metadata.signed.version += 1
        metadata.sign(signer)
        data = metadata.to_bytes(serializer)
        write(f"{metadata.signed.version}.{name}.json", data)
        meta = MetaFile(metadata.signed.version, len(data), {"sha256": hashlib.sha256(data).hexdigest()})
        snapshot.signed.meta[f"{name}.json"] = meta
    snapshot.signed.version += 1
    snapshot.sign(signer)
    data = snapshot.to_bytes(serializer)
    write(f"{snapshot.signed.version}.snapshot.json", data)
    timestamp.signed.version += 1
    timestamp.signed.snapshot_meta = MetaFile(
        snapshot.signed.version, len(data), {"sha256": hashlib.sha256(data).hexdigest()}
    )
    timestamp.sign(signer)
    write("timestamp.json", timestamp.to_bytes(serializer))


os.makedirs(folder, exist_ok=True)
for i in range(start):
    add(i)
for name in bins:
    snapshot.signed.meta[f"{name}.json"] = MetaFile(1)
begin = time.perf_counter()
publish({add(start + i) for i in range(batch)})
print(json.dumps({"seconds": time.perf_counter() - begin, "batch": batch, "targets": start}))
