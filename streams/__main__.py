"""The program `ldapflow`: quiet when it is interrupted from its first moment on."""

import signal
from importlib import import_module


def main() -> None:
    """Run the command line of this process, and end it.

    Loading the commands takes a second. Ctrl-C meanwhile would show where in the libraries; so the system ends the
    process, without a word, as it ends other programs.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not where it is ignored, as below `nohup`
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        command_line = import_module("streams.cli.main")
        signal.signal(signal.SIGINT, signal.default_int_handler)
    else:
        command_line = import_module("streams.cli.main")
    command_line.main()


if __name__ == "__main__":
    main()
