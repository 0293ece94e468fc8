"""The command line `python -m training COMMAND`; `--help` lists the commands."""

import sys

from training.environment import fix_environment

fix_environment()  # before NumPy is imported

from training.command_line import main

if __name__ == "__main__":
    sys.exit(main())
