"""What an editor or a prompt shows of a verb before it is called: its signature, and the fields of its body."""

from __future__ import annotations

import ast
import inspect
import keyword
import re
import sys
from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any

from wechatpay_chain.catalog import tree
from wechatpay_chain.catalog.facts import Operation
from wechatpay_chain.encoding import paths
from wechatpay_chain.request.call import Verb

__all__ = ["complete_fields", "fields_of", "register_with_ipython", "signature"]

_WITH_BODY = ("POST", "PUT", "PATCH")
# A call with a body whose next key is being typed: the chain, its verb, and what stands in the braces so far.
_IN_BODY = re.compile(r"([^\s=(,;]+)\.(post|put|patch)(?:_async|Async)?\(\s*(?:json\s*=\s*)?\{([^{}]*)$")
_KEY = re.compile(r"(?:^|,)\s*([\"']?)(\w*)$")


def signature(path: str, verb: Verb | None) -> inspect.Signature:
    """How the verb of a path is called: the fields of its body or its query in words, and its placeholders by name.

    A placeholder has no default, since a call without it raises.
    """
    method = verb.method if verb is not None else "POST"
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    operation = tree.match(method, path)
    config = inspect.Parameter("config", kind, default=None)
    parameters = [config]
    if method in _WITH_BODY:
        told = _annotation(operation, "body")
        parameters.insert(0, inspect.Parameter("data", kind, default=None, annotation=told))
    for name in paths.placeholders(path):
        if name.isidentifier() and not keyword.iskeyword(name):
            parameters.append(inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY))
    told = _annotation(operation, "query")
    if told is not inspect.Parameter.empty:
        parameters.append(inspect.Parameter("params", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=told))
    parameters.append(inspect.Parameter("options", inspect.Parameter.VAR_KEYWORD))
    names = [parameter.name for parameter in parameters]
    if len(set(names)) != len(names):  # a placeholder has the name of an option
        return inspect.Signature([config])
    return inspect.Signature(parameters)


def fields_of(method: str, path: str, place: str = "body") -> Mapping[str, bool]:
    """The fields of an operation's body (or ``query``), and whether each is required; empty where none is known."""
    operation = tree.match(method, path)
    return {} if operation is None else _fields(operation, place)


def complete_fields(text: str, namespace: Mapping[str, Any]) -> tuple[str, list[str]]:
    """The part of a key that is typed at the end of ``text``, and the fields that it may become.

    Nothing of ``text`` is called: the chain is looked up in ``namespace`` word by word.
    """
    call = _IN_BODY.search(text)
    key = _KEY.search(call[3]) if call is not None else None
    if call is None or key is None:
        return "", []
    node = _node(call[1], namespace)
    place = getattr(node, "_path_text", None)
    if place is None:
        return "", []
    given = set(re.findall(r"[\"'](\w+)[\"']\s*:", call[3]))
    quote, typed = key[1], key[2]
    known = fields_of(call[2].upper(), place())
    names = sorted((name for name in known if name not in given and name.startswith(typed)), key=lambda n: not known[n])
    if not names:
        return "", []
    return f"{quote}{typed}", [f"{quote or chr(34)}{name}{quote or chr(34)}: " for name in names]


def register_with_ipython() -> None:
    """Let IPython's completer ask for fields; nothing where there is no IPython, or one before 8.6."""
    if "IPython" not in sys.modules:
        return
    shell = import_module("IPython").get_ipython()
    matchers = getattr(getattr(shell, "Completer", None), "custom_matchers", None)
    if not isinstance(matchers, list) or any(getattr(each, "_of_wechatpay_chain", False) for each in matchers):
        return
    completer = import_module("IPython.core.completer")

    def fields(context: Any) -> dict[str, Any]:
        typed, names = complete_fields(context.text_until_cursor, shell.user_ns)
        found: Iterable[Any] = (completer.SimpleCompletion(text=name, type="field") for name in names)
        return {"completions": list(found), "matched_fragment": typed, "ordered": True, "suppress": bool(names)}

    matcher: Any = completer.context_matcher(identifier="wechatpay_chain.fields")(fields)
    matcher._of_wechatpay_chain = True
    matchers.append(matcher)


def _annotation(operation: Operation | None, place: str) -> Any:
    known = {} if operation is None else _fields(operation, place)
    told = ", ".join(name if required else f"{name}?" for name, required in known.items())
    return f"{{{told}}}" if told else inspect.Parameter.empty


def _fields(operation: Operation, place: str) -> dict[str, bool]:
    facts = operation.facts
    schemas = facts.get("query", {}) if place == "query" else facts.get("body", {}).get("fields", {})
    return {name: bool(schema.get("required")) for name, schema in schemas.items() if isinstance(schema, Mapping)}


def _node(text: str, namespace: Mapping[str, Any]) -> Any:
    """What a chain of names, words and ``["…"]`` is; None for anything else, of which nothing is evaluated."""
    try:
        tree_of_text = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError):
        return None
    return _walk(tree_of_text, namespace)


def _walk(expression: ast.expr, namespace: Mapping[str, Any]) -> Any:
    if isinstance(expression, ast.Name):
        found = namespace.get(expression.id)
        return found if hasattr(type(found), "_dispatch") or hasattr(type(found), "_path_text") else None
    if isinstance(expression, ast.Attribute):
        before = _walk(expression.value, namespace)
        return None if before is None or expression.attr.startswith("__") else getattr(before, expression.attr, None)
    if isinstance(expression, ast.Subscript) and isinstance(expression.slice, ast.Constant):
        before = _walk(expression.value, namespace)
        return (
            before[expression.slice.value] if before is not None and isinstance(expression.slice.value, str) else None
        )
    return None
