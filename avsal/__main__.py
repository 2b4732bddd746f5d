"""`python -m avsal` is `avsal`."""

import sys

from avsal.cli import main

sys.exit(main())
