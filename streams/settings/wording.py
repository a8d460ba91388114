"""What pydantic finds, in words of the configuration: where it is written, what is wrong, and what to do."""

from difflib import get_close_matches
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from streams.settings.document import Document, Path, dotted
from streams.settings.model import Settings

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
    "tuple_type": "must be a list: write it between [ and ]",
    "mapping_type": "must be a section of `key: value` lines",
    "dict_type": "must be a section of `key: value` lines",
    "model_type": "must be a section of `key: value` lines",
    "model_attributes_type": "must be a section of `key: value` lines",
}


def problems_of(error: ValidationError, document: Document) -> list[tuple[Path, str]]:
    """Say in words of the configuration what pydantic found."""
    found: dict[Path, str] = {}
    for details in error.errors(include_url=False, include_input=False):
        path = _written_path(details, document)
        found.setdefault(path, _sentence(details, path))
    misspelled = {
        (*path[:-1], text.removeprefix(_DID_YOU_MEAN).removesuffix("?"))
        for path, text in found.items()
        if text.startswith(_DID_YOU_MEAN)
    }
    return [(path, text) for path, text in found.items() if path not in misspelled or not text.startswith(_MISSING)]


def _written_path(details: ErrorDetails, document: Document) -> Path:
    """The path as the file has it: without the branches of the one union, which pydantic puts in."""
    steps = details["loc"]
    value: Any = document.values
    path: Path = ()
    for step in steps:
        known = isinstance(value, (dict, list)) and step in (value if isinstance(value, dict) else range(len(value)))
        if known:
            value = value[step]
        elif not isinstance(value, dict):
            break
        path = (*path, step)
        if step == "constant":
            break
        if not known:
            value = None
    return path


def _sentence(details: ErrorDetails, path: Path) -> str:
    kind = details["type"]
    if kind == "missing":
        advice = _ADVICE.get(dotted(path), "")
        return f"{_MISSING}: {advice or 'add it'}"
    if kind == "extra_forbidden":
        return _unknown(path)
    if path[-1:] == ("constant",) and kind != "value_error":  # pydantic speaks of the first of its types alone
        return "must be text, a number, true, false, or a list of these"
    sentence = _SENTENCES.get(kind)
    if sentence is None:
        return details["msg"]
    return sentence.format(**details.get("ctx", {}))


def _unknown(path: Path) -> str:
    known = known_keys(path[:-1])
    near = get_close_matches(str(path[-1]), known, n=1)
    if near:
        return f"{_DID_YOU_MEAN}{near[0]}?"
    return f"unknown key: remove it; known here are {', '.join(known)}"


def known_keys(path: Path) -> list[str]:
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
