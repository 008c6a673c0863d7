"""Looks for known vulnerabilities and unwanted licences among the locked libraries: ``make audit``.

Vulnerabilities come from the package index (by pip-audit, run in an environment of its own), or from a
checkout of https://github.com/pypa/advisory-database (``--advisories FOLDER``). A finding that cannot be
mended is listed in ``scripts/audit.yml`` with its reason, the day and the day until which that holds.

Exit codes: 0 nothing but what is listed; 1 a finding that is not listed, a listing that has expired, or a
licence that nobody has looked at; 2 nobody could be asked, so nothing is known. An index that answers and
knows no vulnerability of a library that is known to have some counts as one that could not be asked.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import tomli
import yaml
from packaging.version import InvalidVersion, Version

ROOT = Path(__file__).resolve().parents[1]
LISTED = ROOT / "scripts/audit.yml"
PIP_AUDIT = "pip-audit==2.10.1"
#: Not one of ours: a release whose vulnerabilities every index knows that knows any.
CANARY = ("django", "3.0")
_TIMEOUT_S = 900

DONE, FOUND, NOT_ASKED = 0, 1, 2


class NotAskedError(Exception):
    """Nobody could be asked about vulnerabilities; the text says why."""


@dataclass(frozen=True)
class Finding:
    """One known vulnerability of one locked library.

    Attributes:
        package: normalised name.
        version: the locked one.
        ids: its id and the other names that it goes by.
        fixed: releases that mend it, "" where none does.
        about: the first words of its description.
    """

    package: str
    version: str
    ids: tuple[str, ...]
    fixed: str
    about: str


def normal(name: str) -> str:
    """Return a library's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def locked(path: Path = ROOT / "uv.lock") -> dict[str, str]:
    """Return name -> version of every library that the lock takes from an index."""
    lock = tomli.loads(path.read_text("utf-8"))
    return {normal(p["name"]): p["version"] for p in lock["package"] if "registry" in p.get("source", {})}


# Asking


def ask_index(packages: Mapping[str, str]) -> list[Finding]:
    """Ask the package index by pip-audit.

    Raises:
        NotAskedError: there is no uv, no network, or an index that knows no vulnerabilities.
    """
    uv = next((found for at in (".tools/uv/bin/uv", "uv") if (found := _program(at))), None)
    if uv is None:
        raise NotAskedError("uv is not installed: run `make install`")
    with tempfile.TemporaryDirectory() as folder:
        wanted, answer = Path(folder) / "requirements.txt", Path(folder) / "answer.json"
        asked = {**packages, CANARY[0]: CANARY[1]}
        wanted.write_text("".join(f"{name}=={version}\n" for name, version in sorted(asked.items())))
        command = [uv, "tool", "run", "--from", PIP_AUDIT, "pip-audit", "-r", str(wanted), "--no-deps"]
        command += ["--disable-pip", "--progress-spinner", "off", "-f", "json", "-o", str(answer)]
        try:
            ran = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)  # noqa: S603
        except (OSError, subprocess.TimeoutExpired) as exc:
            raise NotAskedError(f"pip-audit did not run: {exc}") from exc
        if not answer.exists():
            said = (ran.stderr.strip().splitlines() or ["it said nothing"])[-1]
            raise NotAskedError(f"pip-audit gave no answer: {said}")
        return read_answer(json.loads(answer.read_text("utf-8")))


def read_answer(answer: Mapping[str, Any]) -> list[Finding]:
    """Return what pip-audit found.

    Raises:
        NotAskedError: it does not know the vulnerabilities of the release that is known to have some, or
            passed libraries over.
    """
    told = {normal(d["name"]): d for d in answer.get("dependencies", ())}
    passed_over = sorted(name for name, d in told.items() if "skip_reason" in d)
    if not told.pop(CANARY[0], {}).get("vulns"):
        raise NotAskedError("the package index answers, but knows no vulnerabilities (a mirror?)")
    if passed_over:
        raise NotAskedError(f"the package index knows nothing of {', '.join(passed_over)}")
    return [
        Finding(
            name,
            told[name]["version"],
            (vuln["id"], *vuln.get("aliases", ())),
            ", ".join(vuln.get("fix_versions", ())),
            _first_words(vuln.get("description", "")),
        )
        for name in sorted(told)
        for vuln in told[name].get("vulns", ())
    ]


def ask_advisories(folder: Path, packages: Mapping[str, str]) -> list[Finding]:
    """Look into a checkout of the advisory database.

    Raises:
        NotAskedError: the folder holds none.
    """
    root = folder / "vulns"
    if not (root / CANARY[0]).is_dir():
        raise NotAskedError(f"{folder} is no checkout of github.com/pypa/advisory-database")
    return [
        found
        for name, version in sorted(packages.items())
        for path in sorted((root / name).glob("*.yaml"))
        if (found := read_advisory(yaml.safe_load(path.read_text("utf-8")), name, version))
    ]


def read_advisory(advisory: Mapping[str, Any], name: str, version: str) -> Finding | None:
    """Return the finding where an advisory (OSV format) speaks of this release."""
    if advisory.get("withdrawn"):
        return None
    for affected in advisory.get("affected", ()):
        if normal(affected.get("package", {}).get("name", "")) != name:
            continue
        ranges = [r["events"] for r in affected.get("ranges", ()) if r.get("type") == "ECOSYSTEM"]
        listed = version in {str(v) for v in affected.get("versions", ())}
        if listed or any(_within(version, events) for events in ranges):
            fixed = ", ".join(str(e["fixed"]) for events in ranges for e in events if "fixed" in e)
            ids = (advisory["id"], *advisory.get("aliases", ()))
            about = advisory.get("summary") or advisory.get("details", "")
            return Finding(name, version, ids, fixed, _first_words(about))
    return None


def _within(version: str, events: Sequence[Mapping[str, Any]]) -> bool:
    try:
        mine, inside = Version(version), False
        for event in events:
            (kind, at), *_ = event.items()
            bound = Version(str(at)) if str(at) != "0" else Version("0.dev0")
            if kind == "introduced" and mine >= bound:
                inside = True
            elif (kind == "fixed" and mine >= bound) or (kind == "last_affected" and mine > bound):
                inside = False
    except InvalidVersion:
        return True  # what cannot be compared is looked at by a person
    return inside


def _program(name: str) -> str | None:
    path = ROOT / name
    return str(path) if path.is_file() else shutil.which(name)


def _first_words(text: str) -> str:
    return " ".join(text.split())[:100]


# Judging


def judge(findings: Iterable[Finding], listed: Sequence[Mapping[str, Any]], today: date) -> list[str]:
    """Return one sentence for each finding that is not listed, and for each listing that has expired."""
    problems = []
    known = {(normal(entry["package"]), entry["id"]): entry for entry in listed}
    for found in findings:
        entry = next((known[found.package, i] for i in found.ids if (found.package, i) in known), None)
        if entry is None:
            mended = f"mended in {found.fixed}" if found.fixed else "not mended anywhere"
            problems.append(
                f"{found.package} {found.version}: {'/'.join(found.ids)}, {mended}: {found.about}"
            )
        elif entry["until"] < today:
            since = f"{entry['id']} was accepted until {entry['until']}"
            problems.append(f"{found.package} {found.version}: {since}: look again")
    return problems


def licences(allowed: Sequence[str], looked_at: Mapping[str, str]) -> list[str]:
    """Return one sentence for each installed library whose licence is neither allowed nor looked at."""
    problems = []
    for distribution in importlib.metadata.distributions():
        name = normal(distribution.metadata["Name"])
        licence = licence_of(distribution.metadata)
        parts = re.split(r" AND | OR |; ", licence)
        fits = any if " OR " in licence else all
        if name not in looked_at and not fits(part in allowed for part in parts):
            problems.append(
                f"{name}: nobody has looked at its licence, {licence or 'which it does not tell'}"
            )
    return sorted(set(problems))


def licence_of(metadata: Any) -> str:
    """Return what a library says of its licence: the expression, else the classifiers, else one line."""
    classifiers = [
        found.rsplit(" :: ", 1)[-1]
        for found in metadata.get_all("Classifier", [])
        if found.startswith("License :: ") and not found.endswith(":: OSI Approved")
    ]
    text = (metadata.get("License") or "").strip().splitlines() or [""]
    return metadata.get("License-Expression") or "; ".join(classifiers) or text[0][:60]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the audit; return its exit code."""
    parser = argparse.ArgumentParser(description="Audit the locked libraries.")
    parser.add_argument("--advisories", type=Path, help="a checkout of github.com/pypa/advisory-database")
    parser.add_argument("--licences-only", action="store_true", help="ask nobody about vulnerabilities")
    given = parser.parse_args(arguments)
    settings = yaml.safe_load(LISTED.read_text("utf-8"))
    packages = locked()
    problems = licences(settings["licences"]["allowed"], settings["licences"]["looked_at"])
    reason = ""
    if not given.licences_only:
        try:
            found = ask_advisories(given.advisories, packages) if given.advisories else ask_index(packages)
            problems += judge(found, settings["accepted"], date.today())  # noqa: DTZ011 (a day is enough)
            print(f"{len(packages)} libraries, {len(found)} known vulnerabilities")
        except NotAskedError as exc:
            reason = str(exc)
    for problem in problems:
        print(f"  - {problem}")
    if problems:
        return FOUND
    if reason:
        print(f"could not be asked: {reason}. Nothing is known about vulnerabilities.", file=sys.stderr)
        return NOT_ASKED
    print("nothing beyond what scripts/audit.yml lists")
    return DONE


if __name__ == "__main__":
    sys.exit(main())
