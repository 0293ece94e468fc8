"""The terminal in which the service was started, if there is one."""

import os
import signal


def has_terminal() -> bool:
    """Tell whether this process has a controlling terminal that is still open.

    Returns:
        True if it has one.
    """
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY))
    except OSError:
        return False
    return True


def ends_with_terminal() -> bool:
    """Tell whether the service must stop when its terminal is closed, as other programs stop.

    Returns:
        True if the service was started in a terminal and SIGHUP is not ignored, as it is with `nohup`.
    """
    return has_terminal() and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN
