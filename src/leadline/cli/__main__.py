"""`python -m leadline.cli`: the command line."""

import sys

from leadline.cli import main

sys.exit(main())
