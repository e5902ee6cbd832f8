"""A survey through a real Slurm, a node of which dies in the middle, against the same survey on one machine.

    python benchmarks/slurm.py [--demo] [--nodes 3] [--keep FOLDER]

Debian's slurm-wlm and munge are brought up on this machine: munged as its user, slurmctld and one slurmd for each
node as root, no accounting. Needs root, `apt-get install slurm-wlm munge`, snakemake-executor-plugin-slurm, and no
Slurm that is configured already: the executor drops SLURM_CONF from a job's environment, so that the file must lie in
/etc/slurm.

Both surveys read the same maps and models, at the same time: 24 small synthetic pairs, or with `--demo` those of the
demonstration archive. When a third of the batches of the second survey have been scored, a node that scores another
dies: its slurmd and every process of its jobs are killed. Then every table must be the same, byte for byte. All is torn
down at the end.
"""

import argparse
import contextlib
import filecmp
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import yaml

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT / "tests"))
import pairs  # noqa: E402

CONF = Path("/etc/slurm/slurm.conf")
OURS = "QSCORE_BENCH"  # in the environment of every job
MARK = "# written by benchmarks/slurm.py"
# What a survey is for; not its logs, times, places of files and pages.
TABLES = (
    "catalogue/pairs.*", "catalogue/excluded.tsv", "plan/*", "scores/*/*.parquet", "tables/*", "fit/*", "outliers/*",
    "regions/*", "examination/*", "evidence/*/*.parquet", "evidence/*/models/*", "flags/*", "rivals/*", "draws/*",
    "concordance/*", "worklist/*", "figures/*",
)  # fmt: skip
SETTINGS = (
    MARK
    + """
ClusterName=bench
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={room}/munge/socket
CryptoType=crypto/munge
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
SlurmdParameters=config_overrides
SlurmdTimeout=10
MinJobAge=300
StateSaveLocation={room}/state
SlurmdSpoolDir={room}/spool/%n
SlurmctldPidFile={room}/slurmctld.pid
SlurmdPidFile={room}/slurmd-%n.pid
SlurmctldLogFile={room}/slurmctld.log
SlurmdLogFile={room}/slurmd-%n.log
"""
)
HEADER = ("emdb_id", "pdb_id", "resolution", "map", "model", "map_release")


class Cluster:
    """munged, slurmctld and one slurmd a node; whatever happens inside, nothing of it is left."""

    def __init__(self, folder: Path, *, nodes: int, port: int = 17817):
        self.folder, self.port = folder, port
        self.nodes = [f"n{k + 1}" for k in range(nodes)]
        self.daemons: dict[str, subprocess.Popen] = {}

    def __enter__(self):
        if CONF.exists() and not CONF.read_text().startswith(MARK):
            raise SystemExit(f"{CONF} is there already: this machine has a Slurm of its own")
        try:
            self._munge()
            CONF.parent.mkdir(exist_ok=True)
            CONF.write_text(self._configuration())
            self._start("slurmctld", "slurmctld", "-D", "-c")
            for node in self.nodes:
                self._start(node, "slurmd", "-D", "-N", node)
            self._wait_until_idle()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for node in self.nodes:
            self.kill(node)
        for name in ("slurmctld", "munged"):
            if daemon := self.daemons.get(name):
                daemon.terminate()
                daemon.wait(timeout=30)
        CONF.unlink(missing_ok=True)

    def _munge(self):
        room = self.folder / "munge"
        user = pwd.getpwnam("munge")
        room.mkdir(mode=0o755)
        (room / "key").write_bytes(os.urandom(128))
        (room / "key").chmod(0o400)
        for path in (room, room / "key"):
            os.chown(path, user.pw_uid, user.pw_gid)
        files = [f"--{kind}-file={room / kind}" for kind in ("key", "pid", "log", "seed")]
        self._start(
            "munged", "munged", "--foreground", f"--socket={room / 'socket'}", *files,
            user=user.pw_uid, group=user.pw_gid, extra_groups=[],
        )  # fmt: skip
        _wait_for((room / "socket").exists, "munged")

    def _configuration(self) -> str:
        host = socket.gethostname()
        for name in ("state", "spool"):
            (self.folder / name).mkdir()
        lines = [SETTINGS.format(host=host, port=self.port, room=self.folder)]
        for k, node in enumerate(self.nodes):
            where = f"NodeHostname={host} NodeAddr=127.0.0.1 Port={self.port + 1 + k}"
            lines.append(f"NodeName={node} {where} CPUs=2 RealMemory=10000 State=UNKNOWN\n")
        lines.append(f"PartitionName=main Nodes={','.join(self.nodes)} Default=YES MaxTime=INFINITE State=UP\n")
        return "".join(lines)

    def _start(self, name: str, *command: str, **options):
        with open(self.folder / f"{name}.out", "wb") as out:
            self.daemons[name] = subprocess.Popen(command, stdout=out, stderr=out, start_new_session=True, **options)

    def _wait_until_idle(self):
        _wait_for(lambda: self.states() == dict.fromkeys(self.nodes, "idle"), "nodes")

    def states(self) -> dict[str, str]:
        """Node → its state, by `sinfo`."""
        said = subprocess.run(["sinfo", "-h", "-N", "-o", "%N %t"], capture_output=True, text=True, check=False).stdout
        return dict(line.split() for line in said.splitlines())

    def kill(self, node: str) -> int:
        """What a dead node is: its slurmd and every process of its jobs gone at once; how many."""
        daemon = self.daemons.pop(node, None)
        if daemon is None:
            return 0
        killed, doomed = set(), {daemon.pid}
        while doomed:
            for pid in doomed:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            daemon.wait()
            killed |= doomed
            doomed = _processes_of(node, self.folder) - killed  # what was being started just then
        return len(killed)


def _processes_of(node: str, folder: Path) -> set[int]:
    """Processes of a node's jobs, known by their environment, and the slurmstepd that keep them."""
    marks = {f"SLURMD_NODENAME={node}".encode(), f"{OURS}={folder}".encode()}
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended
            if marks <= set((entry / "environ").read_bytes().split(b"\0")):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                keeper = Path(f"/proc/{parent}/comm").read_text() == "slurmstepd\n"
                found |= {int(entry.name), *([parent] if keeper else [])}
    return found


def _wait_for(ready, what: str, *, seconds: float = 60.0):
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            raise SystemExit(f"{what}: not ready after {seconds:.0f} s")
        time.sleep(0.2)


def small_config(folder: Path, n: int = 24) -> Path:
    """A configuration of `n` small pairs in batches of two."""
    rng = np.random.default_rng(20261123)
    rows = ["\t".join(HEADER)]
    for k in range(n):
        one = folder / "pairs" / str(k)
        pairs.write_pair(one, seed=k, n=60, edge=False)
        resolution = f"{rng.uniform(2.5, 4.5):.2f}"
        rows.append(
            "\t".join((f"EMD-{5000 + k}", f"9a{k:02d}", resolution, f"{k}/map.map", f"{k}/model.pdb", "2024-05-01"))
        )
    table = folder / "pairs" / "pairs.tsv"
    table.write_text("\n".join(rows) + "\n")
    return write_config(
        folder, {"results": "results", "source": "pairs", "pairs": str(table), "plan": {"entries_per_batch": 2}}
    )


def demo_config(folder: Path) -> Path:
    """A configuration of the demonstration archive."""
    return write_config(folder, yaml.safe_load((PROJECT / "config" / "config.yaml").read_text()))


def write_config(folder: Path, content: dict) -> Path:
    path = folder / "survey.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def command(config: Path, results: Path, *snakemake: str) -> list[str]:
    parts = [sys.executable, "-m", "qscore", "run", "--config", str(config), "--results", str(results)]
    return [*parts, *(["--", *snakemake] if snakemake else [])]


SLURM = (
    "--profile", str(PROJECT / "profiles" / "slurm"), "--slurm-status-command", "squeue", "--slurm-no-account",
    "--slurm-init-seconds-before-status-checks", "5", "--set-threads", "pages=2",
)  # fmt: skip


def run_on(cluster: Cluster, config: Path, results: Path) -> dict:
    """The survey through Slurm; a node that scores dies when a third of the batches are scored."""
    environment = os.environ | {OURS: str(cluster.folder)}
    started, facts = time.monotonic(), {}
    process = subprocess.Popen(command(config, results, *SLURM), cwd=PROJECT, env=environment)
    while process.poll() is None:
        time.sleep(0.5)
        planned = len(list(results.glob("plan/*.tsv")))
        scored = len(list(results.glob("scores/*/entries.parquet")))
        if "dead" not in facts and planned and scored >= planned / 3:
            busy = running(cluster)
            for node in [node for _, rule, node in busy if rule.startswith("rule_score")][:1]:
                facts |= {"dead": node, "its jobs": [job for job, _, where in busy if where == node]}
                facts |= {"scored before": f"{scored} of {planned}", "processes killed": cluster.kill(node)}
                print("a node was killed:", facts, flush=True)
    return facts | {"code": process.returncode, "seconds": time.monotonic() - started, "states": cluster.states()}


def running(cluster: Cluster) -> list[list[str]]:
    """Job, rule, node of what runs, by `squeue`."""
    said = subprocess.run(
        ["squeue", "-h", "-t", "R", "-o", "%i|%k|%N"], capture_output=True, text=True, check=False
    ).stdout
    return [line.split("|") for line in said.splitlines()]


def differences(one: Path, other: Path) -> tuple[int, list[str]]:
    """How many files were compared, and those that differ or are on one side only."""
    names = {
        str(path.relative_to(folder))
        for folder in (one, other)
        for pattern in TABLES
        for path in folder.glob(pattern)
        if path.is_file()
    }
    _, unlike, missing = filecmp.cmpfiles(one, other, sorted(names), shallow=False)
    return len(names), unlike + missing


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--demo", action="store_true")
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--keep", type=Path)
    chosen = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="slurm-", dir=chosen.keep))
    folder.chmod(0o755)
    config = (demo_config if chosen.demo else small_config)(folder)
    here, there = folder / "here", folder / "there"
    if chosen.demo:  # one for both: the stamps of its files are part of the plan
        subprocess.run([sys.executable, "-m", "qscore", "demo", here / "archive"], cwd=PROJECT, check=True)
        shutil.copytree(here / "archive", there / "archive")
    with subprocess.Popen(command(config, here), cwd=PROJECT) as alone, Cluster(folder, nodes=chosen.nodes) as cluster:
        facts = run_on(cluster, config, there)
        log = (folder / "slurmctld.log").read_text()
        facts["code of one machine"] = alone.wait()
    facts["requeued"] = sorted(set(re.findall(r"[Rr]equeu\w* .*?JobId=(\d+)", log)), key=int)
    n, unlike = differences(here, there)
    print(facts)
    print(f"{n} files compared, {len(unlike)} differ", *unlike, sep="\n  ")
    if not chosen.keep:
        shutil.rmtree(folder)
    sys.exit(bool(unlike or facts["code"] or facts["code of one machine"] or "dead" not in facts))


if __name__ == "__main__":
    main()
