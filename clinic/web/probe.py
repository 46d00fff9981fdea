"""`python -m clinic.web.probe`: asks this container's own web server whether it is ready; for images without
curl."""

from __future__ import annotations

import os
import sys
import urllib.error
import urllib.request
from urllib.parse import urlsplit


def main() -> int:
    # Django answers only to its own name, also from inside the container.
    host = os.environ.get("ALLOWED_HOSTS", "").split(",")[0].strip()
    host = host or str(urlsplit(os.environ.get("SITE_URL", "")).hostname or "localhost")
    address = f"http://127.0.0.1:{os.environ.get('GRANIAN_PORT', '8000')}/health/ready"
    request = urllib.request.Request(address, headers={"Host": host})
    try:
        with urllib.request.urlopen(request, timeout=4) as answer:  # noqa: S310  # our own address
            return 0 if answer.status == 200 else 1
    except (urllib.error.URLError, OSError) as error:
        sys.stderr.write(f"{address}: {error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
