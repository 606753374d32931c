"""What this machine lacks, and which tests it therefore leaves out; the program says so, and fails if CI is true."""

from __future__ import annotations

import os
import shutil
import sys
from functools import cache
from pathlib import Path

from tests.hapi import build

NGINX = shutil.which("nginx", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"])) or ""
CHROMIUM = shutil.which("chromium") or ""
POSTGRESQL = max(Path("/usr/lib/postgresql").glob("*/bin"), default=None, key=lambda folder: int(folder.parent.name))
"""Where the programs of the newest PostgreSQL are: Debian keeps them from the path."""
PROMETHEUS = shutil.which("prometheus") or ""
PROMTOOL = shutil.which("promtool") or ""
SYSTEMD_ANALYZE = shutil.which("systemd-analyze") or ""
JAVA = shutil.which("java") or ""
OPENSSL = shutil.which("openssl") or ""
no_hapi = cache(build.missing)  # starts java, so only on demand

_POSTGRESQL = ["service/store/test_postgresql.py", "service/trust/test_serve_postgresql.py"]
_PROXY = ["deploy/test_nginx.py", "deploy/test_nginx_limits.py", "deploy/test_nginx_tls.py"]
_OPENSSL = ["deploy/test_nginx_tls.py"]
_PROMETHEUS = ["deploy/test_alerts.py", "deploy/test_dashboard.py"]
_BROWSER = [
    "service/backtest/test_report_in_browser.py",
    "service/publish/test_pages_in_browser.py",
    "service/simulator/browser",
    "service/simulator/test_height_of_cards.py",
    "hapi/test_simulator.py",
]
_SPARK = ["service/backtest/test_spark.py"]
_HAPI = [f"hapi/{path.name}" for path in sorted(Path(build.__file__).parent.glob("test_*.py"))]


def is_left_out(path: str) -> bool:
    """Whether a file below tests/ cannot run here."""
    if path in _HAPI and no_hapi():
        return True
    return path in [
        *([] if NGINX else _PROXY),
        *([] if SYSTEMD_ANALYZE and NGINX else ["deploy/test_systemd.py"]),
        *([] if PROMETHEUS and PROMTOOL else _PROMETHEUS),
        *([] if OPENSSL else _OPENSSL),
        *([] if OPENSSL and PROMETHEUS and NGINX and POSTGRESQL else ["docs/test_production.py"]),
        *([] if POSTGRESQL else _POSTGRESQL),
        *([] if POSTGRESQL and NGINX else ["deploy/test_several_services.py"]),
        *([] if CHROMIUM else _BROWSER),
        *([] if JAVA else _SPARK),
    ]


def sentences() -> list[str]:
    """A sentence for each group of tests that is left out, and why; none if nothing is missing."""
    said = []
    if not NGINX:
        said.append("The tests of the proxy are left out: nginx missing (Debian: apt-get install nginx).")
    if not OPENSSL:
        said.append(
            "The tests of keys and certificates are left out: openssl missing (Debian: apt-get install openssl)."
        )
    if not POSTGRESQL:
        said.append("The tests on PostgreSQL are left out: it is missing (Debian: apt-get install postgresql).")
    if not SYSTEMD_ANALYZE:
        said.append("The tests of systemd units are left out: systemd missing (Debian: apt-get install systemd).")
    if not (PROMETHEUS and PROMTOOL):
        said.append("The tests of alerts are left out: prometheus missing (Debian: apt-get install prometheus).")
    if not CHROMIUM:
        said.append("The tests in a browser are left out: chromium missing (Debian: apt-get install chromium).")
    if not JAVA:
        said.append("The tests on Spark are left out: Java missing (Debian: apt-get install openjdk-17-jdk-headless).")
    if no_hapi():
        said.append(f"The tests with HAPI are left out: {no_hapi()}.")
    return said


def main() -> int:
    """0, or 1 if something is left out and CI is true."""
    said = sentences()
    for sentence in said:
        print(sentence, file=sys.stderr)
    if said and os.environ.get("CI") == "true":
        print("With CI=true nothing may be left out.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
