#!/usr/bin/env python3
"""Takes the place of HealthArchive's script of the same name on a host with guardfs.

Same options and exit statuses; nothing is ever mounted. guardfs leads annual job directories to the Storage Box by a
pattern when they are made; this checks that it did, and with --apply makes those that do not exist yet.

GUARDCTL names the guardctl to ask, GUARDCTL_OPTIONS what to hand it (-n NAME, -c FILE).
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import subprocess
import sys
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, NamedTuple

SERVING = ("healthy", "degraded", "probation")
WAIT_SECONDS = 5.0


class Trouble(Exception):
    """Something that is not as it must be; the text says what."""


class Job(NamedTuple):
    id: int
    source: str
    name: str
    output_dir: Path

    def __str__(self) -> str:
        return f"job={self.id} {self.source} {self.name}"


# ---- guardfs


def guardfs_status() -> dict[str, Any]:
    command = [os.environ.get("GUARDCTL", "guardctl")]
    command += shlex.split(os.environ.get("GUARDCTL_OPTIONS", "")) + ["status", "--json"]
    try:
        r = subprocess.run(command, check=False, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired) as e:
        raise Trouble(f"cannot ask guardfs: {e}") from e
    if r.returncode != 0:
        raise Trouble(f"guardfs does not answer: {r.stderr.strip()}")
    try:
        return json.loads(r.stdout)
    except ValueError as e:
        raise Trouble(f"guardfs's answer makes no sense: {e}") from e


def is_within(path: str, directory: str) -> bool:
    return directory != "" and (path == directory or path.startswith(directory + "/"))


def find_route(status: dict[str, Any], path: str) -> dict[str, Any] | None:
    """The route that path itself is, or lies in; by text, as guardfs decides it."""
    rel = os.path.relpath(path, status["mountpoint"])
    return next((r for r in status["routes"] if is_within(rel, r["path"])), None)


def backend(status: dict[str, Any], name: str) -> dict[str, Any]:
    return next((b for b in status["backends"] if b["name"] == name), {})


def covered(path: Path) -> bool:
    """Is something else than guardfs mounted there? By the mount table alone."""
    kind = None
    # Bytes, and split at blanks and line ends alone: other people's mounts may have any name.
    for line in Path("/proc/self/mountinfo").read_bytes().split(b"\n"):
        fields, _, rest = line.partition(b" - ")
        words = fields.split(b" ")
        if len(words) > 4 and unmangled(words[4]) == os.fsencode(path):
            kind = rest.split(b" ")[0]
    return kind not in (None, b"fuse.guardfs")


def unmangled(name: bytes) -> bytes:
    """A name as the mount table has it, with \\ooo for what would be mistaken."""
    return re.sub(rb"\\([0-7]{3})", lambda m: bytes([int(m[1], 8)]), name)


def check_storage(status: dict[str, Any], mount: Path) -> None:
    owners = [b for b in status["backends"] if is_within(str(mount), b.get("expose", ""))]
    if not owners:
        raise Trouble(f"Storage Box is not mounted at: {mount} (no backend has expose = {mount})")
    if owners[0]["state"] not in SERVING:
        raise Trouble(f"Storage Box is {owners[0]['state']} ({owners[0]['class']}); guardfs reconnects by itself")
    if covered(mount):
        raise Trouble(f"something else than guardfs is mounted at: {mount}")


def check_place(status: dict[str, Any], path: Path, cold: Path) -> None:
    route = find_route(status, str(path))
    if route is None:
        raise Trouble(f"{path} is on the local tier: no route and no pattern of guardfs took it")
    exposed = backend(status, route["backend"]).get("expose", "")
    inside = os.path.relpath(path, os.path.join(status["mountpoint"], route["path"]))
    actual = os.path.normpath(os.path.join(exposed, route["target"], inside))
    if exposed and actual != str(cold):
        raise Trouble(f"{path} leads to {actual}, expected {cold}")
    if covered(path):
        raise Trouble(f"something else than guardfs is mounted at {path}: umount it")
    if route["state"] not in SERVING:
        raise Trouble(f"{path} is {route['state']} ({route['class']}); guardfs reconnects by itself")


def make(path: Path, cold: Path) -> None:
    """Makes the directory where guardfs's pattern leads it, and waits until status shows the route."""
    path.mkdir(parents=True, exist_ok=True)
    end = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            check_place(guardfs_status(), path, cold)
            return
        except Trouble:
            if time.monotonic() > end:
                raise
        time.sleep(0.2)  # sleep-ok: polling


# ---- the jobs


def utc(when: datetime) -> datetime:
    return when.replace(tzinfo=timezone.utc) if when.tzinfo is None else when.astimezone(timezone.utc)


def is_annual(config: dict[str, Any] | None, year: int) -> bool:
    config = config or {}
    return config.get("campaign_kind") == "annual" and int(config.get("campaign_year") or 0) == year


def annual_jobs(year: int, sources: list[str], start: datetime, end: datetime) -> list[Job]:
    try:
        from ha_backend.db import get_session
        from ha_backend.models import ArchiveJob, Source
    except ImportError as e:
        raise Trouble(f"run it with the backend's own python3: {e}") from e
    with get_session() as session:
        codes = {int(s.id): str(s.code) for s in session.query(Source).all() if str(s.code) in sources}
        rows = [
            j
            for j in session.query(ArchiveJob).all()
            if int(j.source_id or 0) in codes and start <= utc(j.created_at) < end and is_annual(j.config, year)
        ]
        rows.sort(key=lambda j: utc(j.created_at))
        return [Job(int(j.id), codes[int(j.source_id)], str(j.name), Path(str(j.output_dir))) for j in rows]


# ---- the command


def parse_time(text: str) -> datetime:
    return utc(datetime.fromisoformat(text.strip().replace("Z", "+00:00")))


def parse(argv: list[str] | None) -> argparse.Namespace:
    p = argparse.ArgumentParser(
        description="Checks that annual campaign job output directories are on the Storage Box tier, through guardfs."
    )
    p.add_argument("--year", type=int, default=datetime.now(timezone.utc).year)
    p.add_argument("--sources", nargs="+", default=["hc", "phac", "cihr"])
    p.add_argument("--archive-root", default=os.environ.get("HEALTHARCHIVE_ARCHIVE_ROOT", "/srv/healtharchive/jobs"))
    p.add_argument("--campaign-archive-root", default="/srv/healtharchive/storagebox/jobs")
    p.add_argument("--storagebox-mount", default="/srv/healtharchive/storagebox")
    p.add_argument("--created-after", help="UTC, ISO 8601; instead of Jan 1")
    p.add_argument("--created-before", help="UTC, ISO 8601; instead of Jan 3")
    p.add_argument("--apply", action="store_true", help="make directories that are missing (default: dry-run)")
    for flag in ("--repair-stale-mounts", "--repair-unexpected-mounts", "--allow-repair-running-jobs"):
        p.add_argument(flag, action="store_true", help="accepted; guardfs has nothing of the kind to repair")
    args = p.parse_args(argv)
    args.sources = [s.strip().lower() for s in args.sources if s.strip()]
    try:
        set_window(args)
    except ValueError as e:
        p.error(str(e))
    return args


def set_window(args: argparse.Namespace) -> None:
    if not args.sources:
        raise ValueError("no sources requested")
    if not 1970 <= args.year <= 2100:
        raise ValueError(f"invalid year: {args.year}")
    given = args.created_after or args.created_before
    args.start = parse_time(args.created_after) if args.created_after else datetime(args.year, 1, 1, tzinfo=timezone.utc)
    args.end = datetime.now(timezone.utc) + timedelta(minutes=5) if given else datetime(args.year, 1, 3, tzinfo=timezone.utc)
    if args.created_before:
        args.end = parse_time(args.created_before)
    if args.created_after and args.created_before and args.end < args.start:
        raise ValueError("--created-before must be >= --created-after")


def cold_path(job: Job, args: argparse.Namespace) -> Path:
    try:
        return Path(args.campaign_archive_root) / job.output_dir.relative_to(args.archive_root)
    except ValueError as e:
        raise Trouble(f"output_dir is not under archive_root: {job.output_dir} (root={args.archive_root})") from e


def handle(job: Job, args: argparse.Namespace) -> None:
    """One job; raises Trouble for what must be told."""
    cold = cold_path(job, args)
    try:
        exists = job.output_dir.is_dir()
    except OSError as e:
        raise Trouble(f"{job.output_dir}: {e.strerror}") from e
    if exists or find_route(guardfs_status(), str(job.output_dir)):
        check_place(guardfs_status(), job.output_dir, cold)
        print(f"OK   {job} (already mounted)")
        return
    print(f"MAKE {job}\n     hot={job.output_dir}\n     cold={cold}")
    if args.apply:
        try:
            make(job.output_dir, cold)
        except OSError as e:
            raise Trouble(f"cannot make {job.output_dir}: {e.strerror}") from e


def handle_all(jobs: list[Job], args: argparse.Namespace) -> int:
    errors = []
    for job in jobs:
        try:
            handle(job, args)
        except Trouble as e:
            print(f"UNHEALTHY {job}")
            errors.append(f"{e} (job_id={job.id})")
    print(f"\nplanned={len(jobs)} mounted_now=0")
    if errors:
        print("ERROR: one or more output directories are not where they must be:", file=sys.stderr)
        print("\n".join(f"- {e}" for e in errors), file=sys.stderr)
    return 1 if errors else 0


def main(argv: list[str] | None = None) -> int:
    args = parse(argv)
    # In a pipe or a log, what is said of a job stands before the errors.
    sys.stdout.reconfigure(line_buffering=True)
    try:
        check_storage(guardfs_status(), Path(args.storagebox_mount))
        jobs = annual_jobs(args.year, args.sources, args.start, args.end)
    except Trouble as e:
        print(f"ERROR: {e}", file=sys.stderr)
        return 1
    print("HealthArchive annual output tiering, by guardfs")
    print(f"mode={'APPLY' if args.apply else 'DRY-RUN'} year={args.year} sources={', '.join(args.sources)}\n")
    if not jobs:
        print("No annual jobs found in the expected window; nothing to do.")
        return 0
    return handle_all(jobs, args)


if __name__ == "__main__":
    raise SystemExit(main())
