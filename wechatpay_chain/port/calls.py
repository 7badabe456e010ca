"""Calls: chains, the helper classes, promises and answers, and the few functions that they are written with."""

from __future__ import annotations

import ast
import contextlib
import inspect
from collections.abc import Callable

import wechatpay_chain.php as package
from wechatpay_chain.encoding import paths
from wechatpay_chain.errors import ChainError
from wechatpay_chain.port import ir, python
from wechatpay_chain.port.expressions import Expressions, NoRule, Value
from wechatpay_chain.port.sdk import ANSWER_FIELDS, CLASSES, METHODS, PROMISES, STATIC, verb_of
from wechatpay_chain.port.source import text

__all__ = ["PRINTS", "Calls"]

PRINTS = frozenset(["echo", "print_r", "var_dump"])
_CONSOLE = frozenset(["log", "info", "error", "warn", "debug"])
_JSON_FLAGS = {
    "JSON_UNESCAPED_UNICODE": "unescaped_unicode",
    "JSON_UNESCAPED_SLASHES": "unescaped_slashes",
    "JSON_THROW_ON_ERROR": "",
}
_THEN = {"then": "then", "otherwise": "otherwise", "catch": "catch", "finally": "finally_"}
_GATHERED = {"all": "answers", "any": "answer", "race": "answer", "settle": "settled"}
# What the plugin for JavaScript names otherwise.
_RENAMED = {("Transformer", "toObject"): "toArray", ("Hash", "hmacSha256"): "hmac"}
_CLIENT_NAME = ("instance", "client", "wxpay", "wechat", "weixin", "builder", "pay", "wx", "sdk", "v3", "v2")
_NODES = ("client", "node")
_LACKING = "the package has no such method"
_FORM = "a form other than JSON.stringify(meta) and createReadStream(path)"


class Calls(Expressions):
    """Expressions that call, and what they hand back."""

    def hole_of(self, part: ir.Part, reason: str = "", kind: str = "") -> Value:
        """A part as the shop's own, or, with a reason, as what is left."""
        if reason:
            self.uses += 1
            self.left.append(reason)
        return Value(python.hole(text(part.node)), kind)

    # Chains

    def node(self, part: ir.Part, is_sure: bool = False) -> ast.expr | None:
        """The node of a chain; None where it is none, or, asked to be sure, where its root is not known."""
        if isinstance(part, ir.Call):
            return self._chain_call(part, is_sure) if ir.name_of_call(part) == "chain" else None
        if not isinstance(part, ir.Access) or part.key is None or self.property_of(part):
            made = self.value(part) if isinstance(part, ir.Name) or self.property_of(part) else None
            return made.code if made is not None and made.kind in _NODES else None
        base = self.node(part.base, is_sure)
        if base is None:
            start = ir.literal_text(part.key) or ""
            is_start = start.lower() in ("v2", "v3") or (part.is_item and (_is_path(start) or self._is_url(part.key)))
            base = self._root(part.base, is_start and self.mentions and not is_sure)
        return None if base is None else self._segment(base, part)

    def _is_url(self, key: ir.Part) -> bool:
        """Whether an index is an address that an answer brought."""
        return isinstance(key, ir.Name) and "url" in key.word.lower() and self.value(key).kind == "json"

    def _root(self, part: ir.Part, is_start: bool) -> ast.expr | None:
        """What a chain starts from: a client, or, where the path shows one, what may be a client."""
        root = ir.path_of(part)[0]
        is_library = isinstance(root, ir.ClassName) and (root.word == "Wechatpay" or not self.is_php)
        if is_library and not isinstance(part, ir.Call):
            return None
        kind = self.knowledge.functions.get(self.own_method(part), "")
        made = self.hole_of(part, kind=kind) if isinstance(part, ir.Access) else self.value(part)
        return made.code if made.kind in _NODES or (is_start and self._may_be_client(part)) else None

    def _may_be_client(self, part: ir.Part) -> bool:
        """Whether what is unknown in this file may be a client, by its name or by where it comes from."""
        word = (ir.word_of(part) or ir.name_of_call(part)).lower()
        is_made = isinstance(part, ir.Call | ir.Await | ir.New)
        return self.is_php or self.imports_plugin or is_made or any(each in word for each in _CLIENT_NAME)

    def _segment(self, base: ast.expr, part: ir.Access) -> ast.expr:
        word = ir.literal_text(part.key)
        if word is None:
            return python.item(base, self.value(part.key or part).code)
        if part.is_item and self.is_php:
            return python.item(base, word)
        plain = python.path_word(word)
        is_attribute = not part.is_item or (word.isidentifier() and (word != word.lower() or word.startswith("_")))
        if plain and is_attribute:
            return python.attribute(base, plain)
        path, mark, query = word.partition("?")
        if part.is_item and path != path.lower():
            # What stands in brackets is converted in JavaScript, piece by piece; the call tells what is wrong with it.
            with contextlib.suppress(ChainError):
                path = paths.as_php(path)
        return python.item(base, path + mark + query)

    def _chain_call(self, part: ir.Call, is_sure: bool) -> ast.expr | None:
        (argument,) = part.arguments if len(part.arguments) == 1 else [None]
        if argument is None or not isinstance(part.function, ir.Access) or set(part.names) > {"", "segment"}:
            return None
        holder = part.function.base
        base = self.node(holder, is_sure=True)
        if base is None and not isinstance(argument, ir.Items | ir.Function | ir.Spread):
            first = next((each for each in ir.walk(argument) if isinstance(each, ir.Literal)), None)
            is_unsure = _is_path(ir.literal_text(first) or "") or self._may_be_client(holder)
            made = self.hole_of(holder) if isinstance(holder, ir.ClassName) else self.value(holder)
            base = made.code if made.kind in _NODES or (is_unsure and self.mentions and not is_sure) else None
        return None if base is None else python.method(base, "chain", self.value(argument).code)

    def _verb(self, part: ir.Call, function: ir.Access, is_awaited: bool) -> Value | None:
        """A verb at the end of a chain, one that a variable names, or, in JavaScript, the chain itself."""
        word = ir.name_of_call(function)
        verb = verb_of(word)
        is_plain = isinstance(function.base, ir.Name) or bool(self.property_of(function.base))
        is_client = is_plain and self.value(function.base).kind != "node"
        is_named = ir.literal_text(function.key) is not None
        base = None if is_named and verb is None else self.node(function.base)
        if base is None or is_client:
            is_path = not self.is_php and verb is None and word not in (*_THEN, "chain")
            base = self.node(function) if is_path else None
            if base is None:
                return None
            is_shown = is_awaited and part.arguments and isinstance(part.arguments[0], ir.Items)
            made = (
                python.call(base, *self._options(part, "post"))
                if is_shown
                else self._send(base, "post", part, is_awaited)
            )
        elif self.is_php and (len(part.arguments) > 1 or set(part.names) - {"", "options"}):
            return self.hole_of(part, "a verb takes one array of options", "answer")
        elif verb is None:
            key = self.value(function.key or function).code
            callee = python.code("getattr(_0, _1)" if self.is_php else "getattr(_0, _1.lower())", base, key)
            return self.use(Value(python.call(callee, *self._options(part)), "answer", "answer"))
        else:
            made = self._send(base, verb[0], part, is_awaited, verb[1])
        is_promise = verb is not None and verb[1] if self.is_php else not is_awaited
        return self.use(Value(made, "promise" if is_promise else "answer", "answer"))

    def _send(self, base: ast.expr, verb: str, part: ir.Call, is_awaited: bool, is_async: bool = False) -> ast.expr:
        ending = ("Async" if is_async else "") if self.is_php else ("" if is_awaited else "_async")
        return python.method(base, verb + ending, *self._options(part, verb))

    def _options(self, part: ir.Call, verb: str = "") -> list[ast.expr]:
        """The arguments of a verb: time-outs are in seconds here, and a form has its own headers."""
        made: list[ast.expr] = []
        for index, each in enumerate(part.arguments):
            if isinstance(each, ir.Items) and not self.is_php:
                kept = [entry for entry in each.entries if not self._is_form_headers(entry[1])]
                each = each if len(kept) == len(each.entries) else ir.Items(each.node, kept, each.is_list)
            is_body = index == 0 and verb in ("post", "put", "patch")
            made.append(self.value(each).code if self.is_php or is_body else self._in_seconds(each))
        return made

    def _in_seconds(self, part: ir.Part) -> ast.expr:
        """Options with a time-out in milliseconds, as the ones here have it."""
        value = self.value(part)
        code = value.code
        if value.brings != "timeout" or not isinstance(code, ast.Name | ast.Dict):
            return code
        if isinstance(code, ast.Name):
            return python.code("{**_0, 'timeout': _0['timeout'] / 1000}", code)
        made = ast.Dict(code.keys, list(code.values))
        *_, last = [-1, *(index for index, key in enumerate(code.keys) if _is_time_out(key))]
        if last < 0 or None in code.keys[last:]:
            return self.hole(part).code  # it stands in what is spread
        found = code.values[last]
        number = found.value if isinstance(found, ast.Constant) and isinstance(found.value, int | float) else None
        made.values[last] = python.code("_0 / 1000", found) if number is None else ast.Constant(number / 1000)
        return made

    def _is_form_headers(self, part: ir.Part) -> bool:
        owner = ir.owner_of(part) if ir.name_of_call(part) == "getHeaders" else None
        return owner is not None and self.value(owner).kind == "media"

    # Every call

    def on_call(self, part: ir.Call) -> Value:
        """Any call."""
        return self.call_value(part, is_awaited=False)

    def call_value(self, part: ir.Call, is_awaited: bool) -> Value:
        """A call; what is awaited in JavaScript hands back the answer itself."""
        function = part.function
        if isinstance(function, ir.ClassName):
            return self._builtin(part, function)
        if isinstance(function, ir.Name) and self.scope.kind(function.word) == "function":
            closure = self.value(function)
            return Value(python.call(closure.code, *self._positional(part)), closure.brings)
        kind = self.scope.kind(function.word) if isinstance(function, ir.Name) else ""
        if kind == "verb" and not (self.is_php or is_awaited):
            return self.use(self.hole_of(part))  # a verb that was kept makes no promise here
        if kind == "verb" or (kind == "node" and not self.is_php):
            code, is_now = self.value(function).code, is_awaited or self.is_php
            sent = self._send(code, "post", part, is_awaited) if kind == "node" else None
            sent = sent or python.call(code, *self._options(part))
            return self.use(Value(sent, "answer" if is_now else "promise", "answer"))
        if not isinstance(function, ir.Access):
            raise NoRule
        if isinstance(function.base, ir.ClassName):
            return self._static(part, function.base, ir.name_of_call(function))
        owned = self.knowledge.getters.get(self.own_method(function), "")
        if owned in self.knowledge.properties:
            return Value(python.name(self.names[owned]), self.knowledge.properties[owned])
        made = self._form(part)
        if made is None:
            made = self._verb(part, function, is_awaited)
        node = self.node(part) if made is None else None
        if node is not None:
            return self.use(Value(node, "node"))
        return self._method(part, function) if made is None else made

    def _positional(self, part: ir.Call) -> list[ast.expr]:
        if any(part.names):
            raise NoRule
        return [self.value(each).code for each in part.arguments]

    def _static(self, part: ir.Call, owner: ir.ClassName, word: str) -> Value:
        """A static method of a helper class, or of what the language itself brings."""
        if not word or not owner.known:
            raise NoRule
        name = "AesGcm" if owner.word == "Aes" else owner.word
        if name == "Promise":
            return self._gather(part, word)
        if name == "Wechatpay":
            return self.hole_of(part, f"Wechatpay.{word[:40]}: {_LACKING}")
        if name not in STATIC:
            if name == "console" and word in _CONSOLE and not self.is_php:
                return Value(python.call("print", *self._positional(part)), "none")
            return self._built(None if self.is_php else _JAVASCRIPT.get(f"{name}.{word}"), part)
        method = self._helper_method(name, word)
        if method is None:
            return self.hole_of(part, f"{name}{'::' if self.is_php else '.'}{word[:40]}(): {_LACKING}")
        self.uses += 1
        named = dict(enumerate(part.names))
        given = [self.value(each).code for index, each in enumerate(part.arguments) if not named.get(index)]
        keywords = {
            _parameter(name, method, word): self.value(part.arguments[index]).code
            for index, word in named.items()
            if word
        }
        if (name, method) == ("Hash", "sign") and not self.is_php and len(given) == 3:
            # The plugin sorts and joins by itself.
            self.needs(CLASSES["Formatter"], "Formatter")
            given[1] = python.code("Formatter.queryStringLike(Formatter.ksort(_0))", given[1])
        if name == "AesGcm" and not self.is_php:
            # The plugin takes the nonce first, the text third.
            if any(isinstance(each, ast.Starred) for each in given) or len(given) < 3:
                raise NoRule
            given[0], given[2] = given[2], given[0]
        return Value(python.method(self.needs(CLASSES[name], name), method, *given, **keywords), STATIC[name][method])

    def _helper_method(self, owner: str, word: str) -> str | None:
        told = _RENAMED.get((owner, word), word)
        methods = {each.lower() if self.is_php else each: each for each in STATIC.get(owner, ())}
        return methods.get(told.lower() if self.is_php else told)

    def helper(self, part: ir.Access, owner: str, word: str) -> Value | None:
        """A static method of a helper class as a value; None where there is none."""
        method = self._helper_method(owner, word)
        if method is None:
            return None
        if not self.is_php and owner in ("AesGcm", "Hash"):
            return self.hole_of(part)  # the plugin has other arguments
        code = python.attribute(self.needs(CLASSES[owner], owner), "from_" if method == "from" else method)
        return Value(code, "function", STATIC[owner][method])

    def _gather(self, part: ir.Call, word: str) -> Value:
        """``Promise.all`` and its like, of promises of the SDK."""
        before = self.uses
        given = self._positional(part) if word in PROMISES else []
        is_ours = self.uses > before or any(isinstance(each, ast.Name) for each in given)
        if word not in PROMISES or not (is_ours or (self.is_php and self.mentions)):
            raise NoRule
        made = python.method(self.needs("wechatpay_chain", "Promise"), word, *given)
        mapped = self.value(part.arguments[0]).brings if part.arguments else ""
        brings = "list" if word == "all" and mapped not in ("", "answer") else _GATHERED.get(word, "answers")
        return self.use(Value(made, "answers") if word == "unwrap" else Value(made, "promise", brings))

    def _method(self, part: ir.Call, function: ir.Access) -> Value:
        """A method of what the SDK handed back."""
        word = ir.name_of_call(function)
        if word == "map" and not self.is_php and len(part.arguments) == 1:
            return self._map_list(function, part.arguments[0])
        base = self.value(function.base) if word else Value(ast.Constant(None))
        for each in part.arguments if base.kind == "answers" else []:
            if isinstance(each, ir.Function) and each.parameters:
                each.parameters[0].kind = "answer"
        # A verb that a variable names may be either.
        if base.kind == "promise" or (base.brings and base.kind == "answer" and word in (*_THEN, "wait")):
            return self._promise_step(part, base, word)
        kind = "error" if base.kind == "sdk error" else base.kind
        if word == "__toString" and kind in ("body", "error"):
            return Value(python.call("str", base.code), "text")
        if word in METHODS.get(kind, ()) and not (function.is_optional and _is_of_error(base.code)):
            return self.use(Value(python.method(base.code, word, *self._positional(part)), METHODS[kind][word]))
        if word in _ERRORS and kind == "error" and self.is_php and not part.arguments:
            # Of errors that may be anyone's, what Python has in their place.
            if base.kind == "sdk error" and word in ("getMessage", "getCode"):
                return Value(python.method(base.code, word), _ERRORS[word][1])
            template, told = _ERRORS[word]
            if "traceback" in template:
                self.needs("traceback")
            if template:
                return Value(python.code(template, base.code), told)
        if word == "toString" and not self.is_php and not part.arguments and base.kind in ("int", "text"):
            return Value(self.as_text(base), "text")
        raise NoRule

    def _promise_step(self, part: ir.Call, base: Value, word: str) -> Value:
        """``then``, ``catch``, ``wait``."""
        self.uses += 1
        if word == "wait":
            return Value(python.method(base.code, "wait"), base.brings)
        if word not in _THEN:
            raise NoRule
        kinds = {"then": [base.brings, "error"], "finally": []}.get(word, ["error"])
        given: list[ast.expr] = []
        brings = [base.brings] if word != "then" else []
        for index, each in enumerate(part.arguments):
            if isinstance(each, ir.Function):
                for parameter, kind in zip(each.parameters, kinds[index:], strict=False):
                    parameter.kind = kind
                made = self.hole_of(each)
                with contextlib.suppress(NoRule):
                    role = "on_fulfilled" if word == "then" and index == 0 else "on_rejected"
                    made = self.closure(each, kinds[index : index + 1], role)
                brings += [] if word == "finally" else [made.brings]
            else:
                is_console = isinstance(each, ir.Access) and ir.word_of(each.base) == "console"
                made = Value(python.name("print")) if is_console else self.value(each)
            given.append(made.code)
        is_one = len(set(brings)) == 1
        return Value(python.method(base.code, _THEN[word], *given), "promise", brings[0] if is_one else "")

    def _map_list(self, function: ir.Access, closure: ir.Part) -> Value:
        """``list.map(each => …)`` with a call of the SDK in it."""
        before = self.uses
        is_one = isinstance(closure, ir.Function) and len(closure.body) == 1
        made = (
            self.closure(closure, [""], "each", closure.is_async)
            if isinstance(closure, ir.Function) and is_one
            else None
        )
        if made is None or self.uses == before or not isinstance(made.code, ast.Lambda):
            raise NoRule
        target = ast.Name(made.code.args.args[0].arg, ast.Store())
        loop = ast.comprehension(target, self.value(function.base).code, [], 0)
        return Value(ast.ListComp(made.code.body, [loop]), "list", made.brings)

    # Other expressions that call

    def on_await(self, part: ir.Await) -> Value:
        """``await``: the answer itself."""
        inner = part.value
        made = self.call_value(inner, is_awaited=True) if isinstance(inner, ir.Call) else self.exact(inner)
        if made.kind == "promise":
            return Value(python.method(made.code, "wait"), made.brings)
        if not isinstance(inner, ir.Call) and made.kind not in ("answer", "answers", "json"):
            raise NoRule
        return made

    def on_new(self, part: ir.New) -> Value:
        """``new Wechatpay``, ``new MediaUtil``, an empty object."""
        word = part.function.word if isinstance(part.function, ir.ClassName) and part.function.known else ""
        given = [self.value(each).code for each in part.arguments] if word and not any(part.names) else []
        if word == "Wechatpay" and not self.is_php:
            return self.use(
                Value(
                    python.call(self.needs("wechatpay_chain", word), *map(self._in_seconds, part.arguments)), "client"
                )
            )
        if word == "MediaUtil" and self.is_php:
            return self.use(Value(python.call(self.needs("wechatpay_chain.php", word), *given), "media"))
        if word == "stdClass" and self.is_php:
            return Value(ast.Dict([], []), "map")
        raise NoRule

    def _form(self, part: ir.Call) -> Value | None:
        """``new Multipart().append('meta', …).append('file', …)`` is a Media."""
        calls: list[ir.Call] = []
        each: ir.Part | None = part
        while isinstance(each, ir.Call) and ir.name_of_call(each) == "append":
            calls.append(each)
            each = ir.owner_of(each)
        is_form = calls and isinstance(each, ir.New) and ir.word_of(each.function) == "Multipart"
        return self.media(part, calls) if is_form else None

    def media(self, part: ir.Part, calls: list[ir.Call]) -> Value:
        """The Media of a form to which these calls append."""
        fields: dict[str | None, ir.Part] = {
            ir.literal_text(call.arguments[0]): call.arguments[1] for call in calls if len(call.arguments) > 1
        }
        dumped, opened = fields.get("meta"), fields.get("file")
        is_stream = isinstance(opened, ir.Call) and ir.word_of(opened.function) == "createReadStream"
        is_whole = len(calls) == 2 and ir.name_of_call(dumped) == "stringify" and is_stream
        if not is_whole or not isinstance(dumped, ir.Call) or not isinstance(opened, ir.Call):
            return self.hole_of(part, _FORM, "media")
        self.needs("wechatpay_chain", "Media")
        given = [self.value(found.arguments[0]).code for found in (opened, dumped)]
        return self.use(Value(python.code("Media(_0, **_1)", *given), "media"))

    def entry(self, base: Value, key: ir.Part | None, is_optional: bool = False, default: Value | None = None) -> Value:
        """An entry of a value that came from the SDK, or of a literal; raises NoRule."""
        word = ir.literal_text(key)
        is_error = base.kind in ("error", "sdk error")
        if key is None or (is_optional and not is_error and base.kind != "answer"):
            raise NoRule
        if not self.is_php and base.kind == "answer" and word in ANSWER_FIELDS:
            name, kind = ANSWER_FIELDS[word]
            if is_optional and _is_of_error(base.code):
                return self.use(Value(python.code(f"getattr(_0, {name!r}, None)", python.response_of(base.code))))
            return self.use(Value(python.attribute(base.code, name), kind))
        if not self.is_php and is_error and word == "message":
            return Value(python.call("str", base.code), "text")
        if not self.is_php and is_error and word == "response":
            return self.use(Value(python.attribute(base.code, word), "answer"))
        if base.kind in _NODES and word is not None and not self.is_php:
            return self.use(
                Value(self._segment(base.code, ir.Access(key.node, key, key)), "verb" if verb_of(word) else "node")
            )
        if base.kind == "settled" and word in _SETTLED:
            return Value(python.item(base.code, word), _SETTLED[word])
        if base.kind in _ENTRIES and isinstance(key, ir.Literal) and isinstance(key.value, _ENTRY_KEYS[base.kind]):
            return Value(python.item(base.code, key.value), _ENTRIES[base.kind])
        index = self.value(key)
        is_known = isinstance(key, ir.Literal) or index.kind in ("text", "int")
        if base.kind not in ("json", "map") or word == "length" or not is_known:
            raise NoRule
        entry = python.item(base.code, index.code)
        if default is None:
            return Value(entry, "json")
        return Value(
            python.code("_0 if _1.get(_2) is None else _3", default.code, base.code, index.code, entry), "json"
        )

    # Functions as values

    def is_closure(self, part: ir.Function) -> bool:
        """Whether a function that gets a name is one expression of the SDK; as a value it is a lambda then."""
        uses, made = self.uses, None
        if len(part.body) == 1 and isinstance(part.body[0], ir.Return):
            with contextlib.suppress(NoRule):
                made = self.closure(part, [], "closure")
        if made is None or self.uses == uses or not isinstance(made.code, ast.Lambda):
            self.ported.discard(part)
            return False
        self.done[part] = made._replace(uses=self.uses - uses)
        self.uses = uses
        return True

    def closure(self, part: ir.Function, kinds: list[str], role: str, is_promise: bool = False) -> Value:
        """A function of one expression or a few plain statements, called with values of these kinds."""
        if part.shared:
            raise NoRule
        outer, known = (self.scope, self.hoisted, self.is_within_closure), len(self.done)
        self.scope, self.hoisted, self.is_within_closure = self.inner_scope(), [], True
        try:
            parameters = self._parameters(part.parameters, kinds)
            statement = part.body[0] if len(part.body) == 1 else None
            value = statement.value if isinstance(statement, ir.Return | ir.Do) else None
            if value is not None and not isinstance(value, ir.Assign):
                made = self.value(value.value if is_promise and isinstance(value, ir.Await) else value)
                if self.hoisted:
                    raise NoRule
                found: ast.expr = ast.Lambda(parameters, made.code)
                brings = made.brings if made.kind == "promise" else made.kind
            elif not part.body:
                found, brings = ast.Lambda(parameters, ast.Constant(None)), ""
            else:
                name, body = self.names.fresh(role), self.plain(part.body)
                outer[1].append(ast.FunctionDef(name, parameters, body, [], None))
                returned = [each.value for each in part.body if isinstance(each, ir.Return) and each.value is not None]
                found, brings = python.name(name), self.value(returned[-1]).kind if returned else ""
        except NoRule:
            # Listed by itself it is given other names.
            for each in list(self.done)[known:]:
                del self.done[each]
            raise
        finally:
            self.scope, self.hoisted, self.is_within_closure = outer
        self.ported.add(part)
        return Value(found, "function", brings)

    def _parameters(self, parameters: list[ir.Parameter], kinds: list[str]) -> ast.arguments:
        """Parameters; patterns become names that stand for what is read, and all that is given has one."""
        names: list[str] = []
        defaults: list[ast.expr] = []
        for index, each in enumerate(parameters):
            kind = kinds[index] if index < len(kinds) else ""
            if isinstance(each.pattern, ir.Name) and (each.default is None or isinstance(each.default, ir.Literal)):
                self.scope.kinds[each.pattern.word] = kind
                names.append(self.names[each.pattern.word])
                defaults += [] if each.default is None else [self.value(each.default).code]
            elif isinstance(each.pattern, ir.Items) and each.default is None:
                names.append(self.names.lend({"answer": "answer", "error": "error"}.get(kind, "found")))
                whole = Value(python.name(names[-1]), kind or "json")
                self.scope.aliases.update(self.destructure(each.pattern, whole))
            else:
                raise NoRule
        names += ["_"] * (len(kinds) - len(names))
        return ast.arguments([], [ast.arg(word) for word in names], None, [], [], None, defaults)

    def destructure(self, pattern: ir.Items, value: Value) -> list[tuple[str, Value]]:
        """The names of a pattern and what each stands for; raises NoRule."""
        told: list[tuple[str, Value]] = []
        for key, target in pattern.entries:
            inner = target.pattern if isinstance(target, ir.Parameter) else target
            default = target.default if isinstance(target, ir.Parameter) else None
            if key is None or (
                default is not None and (value.kind not in ("json", "map") or isinstance(inner, ir.Items))
            ):
                raise NoRule
            if default is None:
                before = self.uses
                found = self.entry(value, key)
                found = found._replace(uses=value.uses + self.uses - before)
            else:
                # A default is for what is missing; what is null stays so.
                given = (self.value(key).code, self.value(default).code)
                found = Value(python.method(value.code, "get", *given), "json")
            if isinstance(inner, ir.Name):
                told.append((inner.word, found))
            elif isinstance(inner, ir.Items):
                told += self.destructure(inner, found)
            else:
                raise NoRule
        return told

    def plain(self, parts: list[ir.Part]) -> list[ast.stmt]:
        """The few plain statements of a closure; raises NoRule."""
        made: list[ast.stmt] = []
        for part in parts:
            waiting = len(self.hoisted)
            statement = self._plain(part)
            made += [*self.hoisted[waiting:], *statement]
            del self.hoisted[waiting:]
        return made or [ast.Pass()]

    def _plain(self, part: ir.Part) -> list[ast.stmt]:
        if isinstance(part, ir.Return):
            return [ast.Return(None if part.value is None else self.value(part.value).code)]
        if isinstance(part, ir.Throw):
            return [python.stop(part.node.start_point[0] + 1, text(part.node))]
        if isinstance(part, ir.If):
            other = self.plain(part.other) if part.other else []
            return [ast.If(self.condition(part.test), self.plain(part.body), other)]
        if not isinstance(part, ir.Do):
            raise NoRule
        if isinstance(part.value, ir.Assign):
            root = ir.word_of(ir.path_of(part.value.target)[0])
            is_new = self.is_php or part.value.declares or root in ("", "this") or root in self.scope.kinds
            is_pattern = isinstance(part.value.target, ir.Items) and not (self.is_php or part.value.declares)
            if not is_new or is_pattern:
                raise NoRule  # a variable of the function around it
            return self.assignment(part.value)
        return [ast.Expr(self.settle(part.value).code)]

    def settle(self, part: ir.Part) -> Value:
        """A value whose promise, in JavaScript, runs without anyone waiting for it."""
        made = self.value(part)
        if self.is_php or made.kind != "promise" or not made.uses:
            return made
        function = made.code.func if isinstance(made.code, ast.Call) else None
        if isinstance(part, ir.Call) and isinstance(function, ast.Attribute) and function.attr.endswith("_async"):
            before = self.uses, len(self.left)
            again = self.call_value(part, is_awaited=True)
            self.uses = before[0]
            del self.left[before[1] :]
            return again._replace(uses=made.uses, left=made.left)
        return made._replace(code=python.method(made.code, "wait"), kind=made.brings)

    def assignment(self, part: ir.Assign) -> list[ast.stmt]:
        """An assignment as statements."""
        raise NotImplementedError

    # Functions of the languages

    def _builtin(self, part: ir.Call, function: ir.ClassName) -> Value:
        if self.is_php and function.word == "Promise" and function.known:
            return self._gather(part, text(function.node).rpartition("\\")[2])
        build = _PHP.get(function.word.lower()) if self.is_php else _JAVASCRIPT.get(function.word)
        return self._built(build if function.known else None, part)

    def _built(self, build: _Build | None, part: ir.Call) -> Value:
        if build is None or any(isinstance(each, ir.Spread) for each in part.arguments) or not _fits(build, part):
            raise NoRule
        return build[1](self, part)


def _is_time_out(key: ast.expr | None) -> bool:
    return isinstance(key, ast.Constant) and key.value == "timeout"


def _is_path(word: str) -> bool:
    return word.lower().lstrip("/").startswith(("v2/", "v3/"))


def _is_of_error(code: ast.expr) -> bool:
    """Whether an answer is that of an error, which may have none."""
    function = code.func if isinstance(code, ast.Call) else code
    return isinstance(function, ast.Attribute) and function.attr in ("response", "getResponse")


def _parameter(owner: str, word: str, name: str) -> str:
    """The name that a parameter of a helper has here; raises NoRule."""
    method = getattr(getattr(package, owner, None), word + "_" if word == "from" else word, None)
    for each in [] if method is None else inspect.signature(method).parameters:
        if each.replace("_", "").lower() == name.replace("_", "").lower():
            return each
    raise NoRule


_Build = tuple[range, Callable[[Calls, ir.Call], Value]]


def _fits(build: _Build, part: ir.Call) -> bool:
    named = {name for name in part.names if name}
    return len(part.arguments) in build[0] and named <= {"flags", "depth", "associative"}


def _print(self: Calls, part: ir.Call) -> Value:
    given = [each for each in part.arguments if not (isinstance(each, ir.Literal) and each.value == "\n")]
    return Value(python.call("print", *(self.value(each).code for each in given)), "none")


def _loads(self: Calls, part: ir.Call) -> Value:
    self.needs("json")
    made = self.value(part.arguments[0])
    return Value(python.code("json.loads(str(_0))" if made.kind == "body" else "json.loads(_0)", made.code), "json")


def _dumps(self: Calls, part: ir.Call) -> Value:
    flags = (
        {each.strip().strip("\\") for each in text(part.arguments[1].node).split("|")} if part.arguments[1:] else set()
    )
    made = self.exact(part.arguments[0])
    if made.kind not in ("map", "list", "json") or not flags <= _JSON_FLAGS.keys():
        raise NoRule
    code = self.convert("php_json" if self.is_php else "js_json", made.code)
    code.keywords = [ast.keyword(_JSON_FLAGS[each], ast.Constant(True)) for each in sorted(flags) if _JSON_FLAGS[each]]
    return Value(code, "text")


def _array_merge(self: Calls, part: ir.Call) -> Value:
    made = [self.value(each) for each in part.arguments]
    kinds = {each.kind for each in made}
    if kinds == {"list"}:
        return Value(ast.List([ast.Starred(each.code, ast.Load()) for each in made], ast.Load()), "list")
    if kinds != {"map"}:
        raise NoRule
    merged = ast.Dict([], [])
    for each in made:
        merged.keys += each.code.keys if isinstance(each.code, ast.Dict) else [None]
        merged.values += each.code.values if isinstance(each.code, ast.Dict) else [each.code]
    return Value(merged, "map")


def _sprintf(self: Calls, part: ir.Call) -> Value:
    form = ir.literal_text(part.arguments[0]) or ""
    pieces = form.replace("%%", "\0").split("%s")
    if "%" in "".join(pieces) or len(pieces) != len(part.arguments):
        raise NoRule
    parts: list[ir.Part] = []
    for piece, value in zip(pieces, [*part.arguments[1:], None], strict=True):
        parts += [ir.Literal(part.node, piece.replace("\0", "%")), *([] if value is None else [value])]
    return self.on_template(ir.Template(part.node, parts))


def _compact(self: Calls, part: ir.Call) -> Value:
    words = [ir.literal_text(each) for each in part.arguments]
    values = [self.copy_of(ir.Name(part.node, word or "this")).code for word in words]
    if any(next(python.holes_in(each), None) for each in values):
        raise NoRule
    return Value(ast.Dict([ast.Constant(word) for word in words], values), "map")


def _array_values(self: Calls, part: ir.Call) -> Value:
    made = self.exact(part.arguments[0])
    if made.kind != "map":
        raise NoRule
    return Value(python.code("[*_0.values()]", made.code), "list")


def _abs(self: Calls, part: ir.Call) -> Value:
    made = self.value(part.arguments[0])
    if made.kind != "int":
        raise NoRule
    return Value(python.call("abs", made.code), "int")


def _read(self: Calls, part: ir.Call) -> Value:
    """A file: in PHP one that is named, since a variable may hold any URL."""
    word = ir.literal_text(part.arguments[0])
    if self.is_php and (word is None or len(part.arguments) > 1 or "://" in word.removeprefix("file://")):
        raise NoRule
    if len(part.arguments) == 2 and (ir.literal_text(part.arguments[1]) or "").lower().replace("-", "") != "utf8":
        raise NoRule
    path = self.value(part.arguments[0]).code if word is None else ast.Constant(word.removeprefix("file://"))
    self.needs("pathlib", "Path")
    is_text = self.is_php or len(part.arguments) == 2
    return Value(
        python.code("Path(_0).read_text(encoding='utf-8')" if is_text else "Path(_0).read_bytes()", path), "text"
    )


def _now(self: Calls, part: ir.Call) -> Value:
    """``time()``, ``Math.floor(Date.now() / 1000)``."""
    if not self.is_php and text(part.node).replace(" ", "") != "Math.floor(Date.now()/1000)":
        raise NoRule
    self.needs("time")
    return Value(python.code("int(time.time())"), "int")


def _number(self: Calls, part: ir.Call) -> Value:
    if len(part.arguments) == 2 and text(part.arguments[1].node) != "10":
        raise NoRule
    return self.js_int(part.arguments[0])


_ERRORS = {
    "getMessage": ("str(_0)", "text"),
    "getCode": ("", "int"),
    "getTraceAsString": ("''.join(traceback.format_exception(_0))", "text"),
    "getPrevious": ("_0.__cause__", "error"),
}
# The entries of a promise that is over; what an entry is, of what has entries of one kind.
_SETTLED = {"state": "text", "value": "answer", "reason": "error"}
_ENTRIES = {"settled": "settled", "answers": "answer", "list": "json", "headers": "text"}
_ENTRY_KEYS = {"settled": (int, str), "answers": (int, str), "list": (int,), "headers": (str,)}
_ONE = range(1, 2)
_TEST: _Build = (range(1, 9), lambda self, part: Value(self.flag(part), "flag"))
_PHP: dict[str, _Build] = {
    **dict.fromkeys(PRINTS, (range(99), _print)),
    "json_decode": (range(1, 5), _loads),
    "json_encode": (range(1, 3), _dumps),
    "array_merge": (range(1, 99), _array_merge),
    "array_values": (_ONE, _array_values),
    "compact": (range(1, 99), _compact),
    "sprintf": (range(1, 99), _sprintf),
    "time": (range(1), _now),
    "abs": (_ONE, _abs),
    "intval": (_ONE, lambda self, part: self.cast("int", part.arguments[0])),
    "strval": (_ONE, lambda self, part: self.cast("string", part.arguments[0])),
    "file_get_contents": (range(1, 3), _read),
    **dict.fromkeys(("isset", "is_null", "empty"), _TEST),
}
_JAVASCRIPT: dict[str, _Build] = {
    "JSON.stringify": (_ONE, _dumps),
    "JSON.parse": (_ONE, _loads),
    "Math.abs": (_ONE, _abs),
    "Math.floor": (_ONE, _now),
    "readFileSync": (range(1, 3), _read),
    "String": (_ONE, lambda self, part: Value(self.as_text(self.value(part.arguments[0])), "text")),
    "Number": (_ONE, _number),
    "parseInt": (range(1, 3), _number),
}
