"""The program, as talkative as it and its libraries can be; nobody can ask for that by an option."""

import logging

from streams.cli import invocation, main
from streams.logs import LogFormat, configure_logging


def speak_up(log_format: LogFormat, level: str = "INFO") -> None:
    """Log at debug level whatever was asked for, libraries too."""
    del level
    configure_logging(log_format, "DEBUG")
    for name in list(logging.root.manager.loggerDict):
        logging.getLogger(name).setLevel(logging.DEBUG)


def fall_silent() -> None:
    """Let no logger of this process speak up by itself any more; `configure_logging` says anew which may."""
    for name in list(logging.root.manager.loggerDict):
        logging.getLogger(name).setLevel(logging.NOTSET)


if __name__ == "__main__":
    vars(invocation)["configure_logging"] = speak_up
    main.main()
