"""From a file to settings, or to the list of everything that is wrong with it."""

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from schemas.errors import ConfigurationError
from streams.settings.document import Document, Problem, dotted, read_document
from streams.settings.document import Path as SettingPath
from streams.settings.model import Settings
from streams.settings.secret_files import resolve_secrets
from streams.settings.sections import SHARED_ENDPOINT

_MISSING: Final = "is missing"
_DID_YOU_MEAN: Final = "unknown key: did you mean "

_ADVICE: Final = {
    "connection": "needs at least server, admin_dn and admin_password_file",
    "sync": "needs at least target_dn",
    "connection.server": "give ldap://HOST:389 or ldaps://HOST:636",
    "connection.admin_dn": "give the DN to bind as",
    "connection.admin_password": "give admin_password_file, or admin_password: ${ENV_NAME}",
    "sync.target_dn": "give the DN under which everything is written",
}

# What pydantic calls a failure, and the sentence about it; {…} come from the failure's context.
_SENTENCES: Final = {
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "greater_than": "must be greater than {gt:g}",
    "greater_than_equal": "must be at least {ge:g}",
    "less_than_equal": "must be at most {le:g}",
    "string_type": "must be text: put it into quotes",
    "string_too_short": "must not be empty",
    "path_type": "must be a path",
    "enum": "must be {expected}",
    "literal_error": "must be {expected}",
    "value_error": "{error}",
    "elsewhere": "{text}",
    "tuple_type": "must be a list",
    "mapping_type": "must be a section of `key: value` lines",
    "dict_type": "must be a section of `key: value` lines",
    "model_type": "must be a section of `key: value` lines",
    "model_attributes_type": "must be a section of `key: value` lines",
}


def load_settings(path: Path, environ: Mapping[str, str]) -> Settings:
    """Read the configuration.

    Args:
        path: the YAML file; relative paths in it begin at its folder.
        environ: for `${NAME}` in values.

    Raises:
        ConfigurationError: with every problem, each as `FILE:LINE: path.to.key: what is wrong and what to do`, in the
            order of the file. No problem repeats a value that could be a secret.
    """
    document = read_document(str(path), _read(path), environ)
    folder = path.absolute().parent
    resolve_secrets(document, folder)
    _check_endpoint(document)
    settings: Settings | None = None
    try:
        settings = Settings.model_validate(document.values, context={"folder": folder})
    except ValidationError as exc:
        for problem in problems_of(exc, document):
            document.report(*problem)
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


def problems_of(error: ValidationError, document: Document) -> list[tuple[SettingPath, str]]:
    """Say in words of the configuration what pydantic found."""
    found: dict[SettingPath, str] = {}
    for details in error.errors(include_url=False, include_input=False):
        path = _written_path(details, document)
        found.setdefault(path, _sentence(details, path))
    misspelled = {
        (*path[:-1], text.removeprefix(_DID_YOU_MEAN).removesuffix("?"))
        for path, text in found.items()
        if text.startswith(_DID_YOU_MEAN)
    }
    return [(path, text) for path, text in found.items() if path not in misspelled or not text.startswith(_MISSING)]


def _written_path(details: ErrorDetails, document: Document) -> SettingPath:
    """The path as the file has it: without the branches of unions, which pydantic puts in."""
    steps = [*details["loc"], *details.get("ctx", {}).get("at", ())]
    value: Any = document.values
    path: SettingPath = ()
    for step in steps:
        known = isinstance(value, (dict, list)) and step in (value if isinstance(value, dict) else range(len(value)))
        if known:
            value = value[step]
        elif not isinstance(value, dict):
            break
        path = (*path, step)
        if not known:
            value = None
    return path


def _sentence(details: ErrorDetails, path: SettingPath) -> str:
    kind = details["type"]
    if kind == "missing":
        advice = _ADVICE.get(dotted(path), "")
        return f"{_MISSING}: {advice or 'add it'}"
    if kind == "extra_forbidden":
        return _unknown(path)
    sentence = _SENTENCES.get(kind)
    if sentence is None:
        return details["msg"]
    return sentence.format(**details.get("ctx", {}))


def _unknown(path: SettingPath) -> str:
    known = known_keys(path[:-1])
    near = get_close_matches(str(path[-1]), known, n=1)
    if near:
        return f"{_DID_YOU_MEAN}{near[0]}?"
    return f"unknown key: remove it; known here are {', '.join(known)}"


def known_keys(path: SettingPath) -> list[str]:
    """The keys that a section may have."""
    model: Any = Settings
    for step in path:
        if isinstance(step, int):
            continue
        field = model.model_fields.get(step) if model is not None else None
        model = _model_of(field.annotation) if field is not None else _model_of(model)
    return [field.alias or name for name, field in model.model_fields.items()] if model is not None else []


def _model_of(annotation: Any) -> type[BaseModel] | None:
    """The section that an annotation holds: itself, as an item of a list, or as a value of a mapping."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        model = _model_of(argument)
        if model is not None:
            return model
    return None
