"""The program `ldapflow`: quiet when it is interrupted from its first moment on."""

import signal
import sys
from importlib import import_module


def main() -> None:
    """Run the command line of this process, and end it.

    Loading the commands takes a while. Ctrl-C meanwhile would show where in the libraries; so the system ends the
    process, without a word, as it ends other programs.
    """
    quiet = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # not where it is ignored, as below `nohup`
    if quiet:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    command_line = import_module("streams.cli.main")
    commands = command_line.load(sys.argv[1:])
    if quiet:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    command_line.main(commands)


if __name__ == "__main__":
    main()
