"""`mammoqa validate omig`: another name of `mammoqa validate cdmam-explain`."""

import sys

from cdmam_explain import main

if __name__ == "__main__":
    sys.exit(main())
