"""From a file to settings, or to the list of everything that is wrong with it."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from processors.mapping import InvalidMapping, MappingRow, compile_mapping
from schemas.errors import ConfigurationError
from streams.settings.document import Document, Problem, dotted, read_document
from streams.settings.mapping import Row
from streams.settings.model import Settings
from streams.settings.secret_files import resolve_secrets
from streams.settings.sections import SHARED_ENDPOINT
from streams.settings.wording import problems_of

_ROOTS: Final = {"users": "user", "organizations": "organization"}


def load_settings(path: Path, environ: Mapping[str, str]) -> Settings:
    """Read the configuration.

    Args:
        path: the YAML file; relative paths in it begin at its folder.
        environ: for `${NAME}` in values.

    Raises:
        ConfigurationError: with every problem, each as `FILE:LINE: path.to.key: what is wrong and what to do`
            (`FILE:LINE:COLUMN: …` within an expression), in the order of the file. No problem repeats a value that
            could be a secret.
    """
    document = read_document(str(path), _read(path), environ)
    folder = path.absolute().parent
    resolve_secrets(document, folder)
    _check_endpoint(document)
    settings: Settings | None = None
    try:
        settings = Settings.model_validate(document.values, context={"folder": folder})
    except ValidationError as exc:
        for setting, text in problems_of(exc, document):
            if not document.is_faulty(setting):  # what a missing variable left behind is no second problem
                document.report(setting, text)
    _check_mappings(document)
    if settings is None or document.problems:
        # Not `from`: what pydantic found is in the problems, and its own text could hold values.
        raise ConfigurationError(*(f"{path}:{problem}" for problem in sorted(document.problems, key=_place))) from None
    return settings


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as exc:
        raise ConfigurationError(f"no configuration at {path}: write one (see README) or give --config FILE") from exc
    except OSError as exc:
        raise ConfigurationError(f"{path} cannot be read ({exc.strerror}): correct its place or its owner") from exc
    except UnicodeDecodeError as exc:
        raise ConfigurationError(f"{path} is not UTF-8 text: save it as UTF-8") from exc


def _place(problem: Problem) -> tuple[int, str]:
    return problem.line, dotted(problem.path)


def _check_endpoint(document: Document) -> None:
    """Look at the raw values, so that it is reported even where other parts of the connection are wrong."""
    connection, endpoints = document.values.get("connection"), document.values.get("endpoints")
    name = connection.get("endpoint") if isinstance(connection, dict) else None
    known = (SHARED_ENDPOINT, *(endpoints if isinstance(endpoints, dict) else ()))
    if isinstance(name, str) and name not in known:
        document.report(
            ("connection", "endpoint"), f"is not one of {', '.join(known)}: name one, or add it to endpoints"
        )
    if SHARED_ENDPOINT in known[1:]:
        document.report(("endpoints", SHARED_ENDPOINT), "is the name of the default endpoint: choose another")


def _check_mappings(document: Document) -> None:
    """Compile all rows that have the form of a row, wherever the others, or other settings, are wrong."""
    for section, root in _ROOTS.items():
        values = document.values.get(section)
        rows = values.get("mapping") if isinstance(values, dict) else None
        formed: dict[int, MappingRow] = {}
        for index, row in enumerate(rows if isinstance(rows, list) else ()):
            with suppress(ValidationError):  # reported already, with everything else about forms
                formed[index] = Row.model_validate(row).resolved()
        try:
            compile_mapping(list(formed.values()), root)
        except InvalidMapping as exc:
            indexes = list(formed)
            for problem in exc.problems:
                path, mistake = (section, "mapping", indexes[problem.row]), problem.mistake
                if mistake is None:
                    document.report(path, problem.message)
                    continue
                key = "expression" if formed[path[-1]].field is None else "field"
                document.report_within((*path, key), mistake.line, mistake.column, mistake.reason)
