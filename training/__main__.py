"""The command line `python -m training COMMAND`; `--help` lists the commands."""

import sys

from training.environment import fix_environment

fix_environment()  # before NumPy is imported

if __name__ == "__main__":  # a process that generates digits imports this module too, and needs no command
    from training.command_line import main

    sys.exit(main())
