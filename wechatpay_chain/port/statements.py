"""The statements of a file, in their order, as Python.

No control flow is carried over but the conditions under which a statement of the SDK runs, and these are closed: where
the original goes on in the shop's own way, the Python raises NotImplementedError.
"""

from __future__ import annotations

import ast
import contextlib
import re
from collections.abc import Callable, Iterable
from typing import Any

from wechatpay_chain.port import ir, python
from wechatpay_chain.port.calls import PRINTS, Calls
from wechatpay_chain.port.expressions import NoRule, Scope, Value
from wechatpay_chain.port.sdk import CLIENT_TYPES, EXCEPTIONS
from wechatpay_chain.port.slicing import FOREVER, Branch, Output, is_log, leaves, prune, words_in
from wechatpay_chain.port.source import head, text

__all__ = ["Statements"]

_TYPES = {
    **dict.fromkeys(CLIENT_TYPES, "client"),
    **dict.fromkeys(("ResponseInterface", "AxiosResponse"), "answer"),
    **dict.fromkeys((name for name, (_, is_ours) in EXCEPTIONS.items() if is_ours), "sdk error"),
    **dict.fromkeys(("Throwable", "Exception"), "error"),
}
# Calls that go on only where their argument is true, or false; so do methods of what is called an assertion.
_ASSERTS = {
    **dict.fromkeys(("assert", "asserttrue", "throw_unless", "abort_unless", "invariant"), True),
    **dict.fromkeys(("assertfalse", "throw_if", "abort_if"), False),
}
_ASSERT_METHODS = {"true": True, "ok": True, "istrue": True, "false": False, "isfalse": False, "strict": True}
# Functions that change what they are given, and which of their arguments; methods that change what they belong to.
_CHANGING = {
    **dict.fromkeys(("array_push", "array_pop", "array_shift", "array_unshift", "array_splice"), slice(1)),
    **dict.fromkeys(("array_walk", "array_multisort", "shuffle", "settype", "Object.assign"), slice(1)),
    **dict.fromkeys(("sort", "rsort", "asort", "arsort", "ksort", "krsort", "usort", "uasort", "uksort"), slice(1)),
    **{"unset": slice(None), "parse_str": slice(1, 2), "preg_match": slice(2, 3), "preg_match_all": slice(2, 3)},
}
_CHANGING_METHODS = frozenset(["push", "pop", "shift", "unshift", "splice", "sort", "reverse", "fill"])
_READABLE = frozenset(["client", "node", "json", "map", "list", "answer", "answers", "settled", "error", "sdk error"])
# Kinds that no method changes, and kinds that a turn of a loop does not change.
_CONSTANT = ("client", "node", "verb", "answer", "promise", "form", "media")
_LASTING = ("client", "answer", "json", "flag")
_BLOCKS = (ir.Define, ir.If, ir.Try, ir.Loop, ir.Do, ir.Return, ir.Throw)


class Statements(Calls):
    """Statement by statement, function by function."""

    nested = 0
    place = ""
    span = (0, FOREVER)
    # Properties that some condition asks for.
    tested: frozenset[str] = frozenset()
    returned: list[Value] = []  # noqa: RUF012  # replaced by each function

    def outputs(self, parts: list[ir.Part]) -> list[Output]:
        """A whole file, with what nothing needs left out."""
        if not parts:
            return []
        inner = [each for part in parts for each in ir.walk(part)]
        asked = [
            each.test if isinstance(each, ir.If) else each for each in inner if isinstance(each, ir.If | ir.Operation)
        ]
        read = [each for test in asked for each in ir.walk(test, False)]
        bases = {each.base for each in read if isinstance(each, ir.Access)}
        self.tested = frozenset(ir.name_of_call(each) for each in read if each not in bases)
        self.scope = Scope(unstable=_unstable(parts))
        self.scope.changed = _names_changed(parts)
        top = Output(parts[0], "", "scope", branches=[Branch("scope", parts, self.block(parts))])
        prune(top)
        return [top]

    def block(self, parts: list[ir.Part]) -> list[Output]:
        """The outputs of statements, one behind the other."""
        made: list[Output] = []
        waiting = list(parts)
        while waiting:
            part = waiting.pop(0)
            is_one = isinstance(part, ir.If) and not part.other and len(part.body) > 1 and leaves(part.body)
            if isinstance(part, ir.If) and is_one and len(waiting) == 1 and leaves(waiting):
                # What follows a branch that leaves is the other one.
                part = ir.If(part.node, part.test, part.body, [waiting.pop()])
            made += getattr(self, f"emit_{type(part).__name__.lower()}", self.emit_loose)(part)
            if leaves([part]) and any(not isinstance(each, ir.Define | ir.Function) for each in waiting):
                made += self._end(part)  # only a label is a way past it
            if not self.nested:
                self.names.release()
        return made

    def branch(self, kind: str, parts: list[ir.Part]) -> Branch:
        """A branch that may or may not run."""
        self.nested += 1
        made = Branch(kind, parts, self.block(parts))
        self.nested -= 1
        return made

    def _output(self, part: ir.Part, kind: str, make: Callable[[], Any] | None = None, **more: Any) -> Output:
        """An output; what ``make`` gives, with the closures before it, and how much of the SDK is in that."""
        uses, left = self.uses, len(self.left)
        self.hoisted = []
        made = [] if make is None else make()
        code = [ast.Expr(made.code)] if isinstance(made, Value) else made
        told = {"uses": self.uses - uses, "left": tuple(self.left[left:]), "span": self.span, **more}
        return Output(part, self.place, kind, [*self.hoisted, *code], **told)

    def _end(self, part: ir.Part) -> list[Output]:
        """The end of what leaves in any case, although something of the SDK may follow."""
        stop = self.stop(part)
        return [Output(part, self.place, "code", [stop], span=self.span, may_stop=True)]

    def _holes(
        self, part: ir.Part, words: Iterable[str], source: str, checks: Iterable[str] = (), **more: Any
    ) -> list[Output]:
        """Variables that something of the shop's has set; a check is not left to a hole."""
        made: list[Output] = []
        for word in sorted(words):
            name = self.names[word]
            code = [self.stop(part, source) if word in checks else python.assign(name, python.hole(source))]
            made.append(
                Output(part, self.place, "code", code, targets=frozenset([name]), **{"span": self.span, **more})
            )
        return made

    def _closures(self, part: ir.Part) -> list[Output]:
        """The functions and classes in a statement that are no part of its Python: each by itself."""
        made: list[Output] = []
        for each in ir.inner_parts(part):
            if isinstance(each, ir.Function) and each not in self.ported:
                made += self.emit_function(each)
                told = each.shared if self.is_php else _set_around(each)
                around = {word for word in told if self.scope.holder(word)}
                checks = {word for word in around if self.scope.kinds.get(word) == "flag"}
                made += self._holes(each, around, text(each.node), checks)
            elif not isinstance(each, ir.Function):
                made += self.block([each]) if isinstance(each, _BLOCKS) else self._closures(each)
        return made

    # One statement

    def emit_do(self, part: ir.Do) -> list[Output]:
        """An expression by itself: an assignment, a check, a call."""
        value = part.value
        if isinstance(value, ir.Assign):
            return self._assign(part, value)
        if ir.name_of_call(value) == "append" and isinstance(value, ir.Call):
            form = ir.word_of(ir.path_of(value.function)[0])
            if self.scope.kind(form) == "form":
                made = self._output(part, "code", lambda: self._append_to_form(form, value))
                made.targets = frozenset([self.names[form]] if made.code else [])
                return [made]
        test = self._assertion(value)
        if test is not None:
            return self.emit_if(ir.If(part.node, test, [ir.Throw(part.node, None)], []))
        if isinstance(value, ir.Call) and isinstance(value.function, ir.Function) and not value.arguments:
            return self.emit_function(value.function)
        made = self._output(part, "drop", lambda: self.settle(value), may_stop=self._may_stop(value))
        changed = self._changed(part, made)
        if made.is_sdk:
            made.kind = "code"
        elif isinstance(value, ir.Call) and _is_print(value.function):
            made.kind = "print"
        elif changed:
            return [*changed, *self._closures(part)]
        return [made, *changed, *self._closures(part)]

    def _changed(self, part: ir.Part, made: Output) -> list[Output]:
        """Holes for the variables that a statement changes on its way, beside those that its Python sets."""
        trees = [*made.code, *([] if made.test is None else [made.test])]
        inner = [each for tree in trees for each in ast.walk(tree) if isinstance(each, ast.NamedExpr)]
        known = made.targets | {each.target.id for each in inner}
        words = {each for each in _names_set([part]) if self.names[each] not in known}
        if isinstance(part, ir.Assign) and not self.is_php and ir.word_of(part.target) in self.scope.changed:
            # Two names of one object.
            words |= {ir.word_of(part.value)} - {"", "this"} if isinstance(part.value, ir.Name) else set()
        words -= {each for each in words if self.scope.kind(each) in _CONSTANT}
        self.scope.kinds.update(dict.fromkeys(words, ""))
        return self._holes(part, words, text(part.node))

    def _append_to_form(self, form: str, part: ir.Call) -> list[ast.stmt]:
        """What is appended to a form; with its two parts it is a Media."""
        self.uses += 1
        self.forms[form].append(part)
        if len(self.forms[form]) < 2:
            return []
        made = self.media(part, self.forms[form])
        self.scope.kinds[form] = "media"
        return [python.assign(self.names[form], made.code)]

    def _may_stop(self, value: ir.Part, is_set: bool = False) -> bool:
        """Whether a statement of the shop may end the function: it throws, or calls what does, or might."""
        if any(isinstance(each, ir.Operation) and each.operator == "throw" for each in ir.walk(value, False)):
            return True
        function = ir.function_of(value)
        word = ir.word_of(function) or ("" if function is None else self.own_method(function))
        is_own = isinstance(function, ir.Access) and bool(word) and not is_set and not is_log(ir.awaited(value))
        return word in self.knowledge.callers or is_own

    def _assertion(self, value: ir.Part) -> ir.Part | None:
        """The condition under which ``assert(…)`` and its like stop."""
        inner = ir.awaited(value)
        if not isinstance(inner, ir.Call) or not inner.arguments:
            return None
        function, first, owner = inner.function, inner.arguments[0], ir.word_of(ir.owner_of(inner)).lower()
        word = ir.word_of(function) or ir.name_of_call(inner)
        goes_on = None if owner == "console" else _ASSERTS.get(word.lower())
        if "assert" in owner:
            goes_on = _ASSERT_METHODS.get(ir.name_of_call(inner).lower())
        return None if goes_on is None else ir.Operation(inner.node, "!", [first]) if goes_on else first

    def emit_return(self, part: ir.Return) -> list[Output]:
        """What a function hands back."""
        value = part.value
        if value is None:
            return []
        if isinstance(value, ir.Assign):
            assigned = self._assign(ir.Do(part.node, value), value)
            target, kind = self.value(value.target), self.value(value.value).kind
            self.returned.append(target if target.kind else target._replace(kind=kind))
            return assigned
        made = self._output(part, "code", lambda: self.settle(value))
        self.returned.append(self.value(value))
        return [*([made] if made.is_sdk else []), *self._closures(part)]

    def emit_throw(self, part: ir.Throw) -> list[Output]:
        """What an error is made of."""
        value = part.value
        made = self._output(part, "code", None if value is None else lambda: self.value(value))
        return [made] if made.is_sdk else []

    def emit_loose(self, part: ir.Part) -> list[Output]:
        """What is no statement of either language, as far as it could be read."""
        if isinstance(part, ir.Other):
            stop = [self.stop(part)]
            made = [Output(part, self.place, "code", stop, uses=1, left=(part.problem,))] if part.problem else []
            return made + self.block(part.parts)
        is_nothing = isinstance(part, ir.Leave | ir.Literal | ir.Name | ir.ClassName)
        return [] if is_nothing else self.emit_do(ir.Do(part.node, part))

    # Branches

    def emit_if(self, part: ir.If) -> list[Output]:
        """A condition, where something of the SDK depends on it."""
        made = self._output(part, "if", lambda: Value(self.condition(part.test)))
        words, test = words_in(part.test), made.code.pop()
        made.test = test.value if isinstance(test, ast.Expr) else None
        made.reads = frozenset(self.names[word] for word in words)
        made.may_stop = any(self.scope.kind(word) == "flag" for word in words)
        before = [Output(part, self.place, "code", made.code, uses=made.uses)] if made.code else []
        made.code = []
        before += self._changed(part.test, made)
        made.branches = [self.branch("if", part.body), *([self.branch("else", part.other)] if part.other else [])]
        return [*before, made, *self._closures(ir.Do(part.node, part.test))]

    def emit_loop(self, part: ir.Loop) -> list[Output]:
        """The statements of a turn; what the turns leave behind is a hole."""
        told, written = head(part.node), _names_set(part.body)
        outer, self.span = self.span, (part.node.start_byte, part.node.end_byte)
        targets = [word for each in part.targets for word in _leaves_of(each)]
        flags = {word for word in written if self.scope.kind(word) == "flag"}
        stale = {word for word in written if self.scope.kinds.get(word, "client") not in _LASTING}
        self.scope.kinds.update(dict.fromkeys([*stale, *targets], ""))
        made = [] if part.source is None else self.emit_do(ir.Do(part.source.node, part.source))
        if part.source is not None and part.targets:
            self._know_turns(self.value(part.source), part.targets[-1])
        made += self._holes(part, targets, told)
        if part.test is not None:
            turns = self.emit_if(ir.If(part.node, part.test, part.body, [ir.Throw(part.node, None)]))
            for each in turns:
                if each.kind == "if" and each.is_sdk:
                    # A turn ends before the next test of the SDK.
                    each.branches[0].kind = "closed"
            made += turns
        else:
            made += self.branch("loop", part.body).outputs
            last = part.body[-1] if part.body else None
            made += self._end(last) if isinstance(last, ir.Return | ir.Throw) else []
        flags |= {word for word in written if self.scope.kind(word) == "flag"}
        self.span = outer
        return made + self._holes(part, written, told, flags, span=(part.node.end_byte, FOREVER))

    def _know_turns(self, source: Value, target: ir.Part) -> None:
        """What a turn is given, of answers, of promises that are over, and of a list of promises."""
        kind = {"answers": "answer", "settled": "settled"}.get(source.kind, "")
        is_promises = source.kind in ("list", "") and source.brings
        if isinstance(target, ir.Name) and (kind or is_promises):
            self.scope.kinds[target.word] = kind or "promise"
            self.scope.brings[target.word] = "" if kind else source.brings

    def emit_try(self, part: ir.Try) -> list[Output]:
        """What is tried, and what follows its errors."""
        branches = [self.branch("try", part.body)]
        for each in part.handlers:
            told = [EXCEPTIONS.get(found.word) if found.known else None for found in each.classes]
            outer, self.scope = self.scope, self.inner_scope()
            is_ours = all(found is not None and found[1] for found in told)
            name = "" if each.target is None else self._parameter_name(each.target, "sdk error" if is_ours else "error")
            made = self.branch("except", each.body)
            made.name, self.scope = name, outer
            made.classes = [
                python.hole(text(kind.node)) if found is None else self.exception(found[0])
                for kind, found in zip(each.classes, told, strict=True)
            ]
            if any(told) or any(output.uses for output in made.outputs):
                branches.append(made)
        branches += [self.branch("finally", part.final)] if part.final else []
        return [Output(part, self.place, "try", branches=branches)]

    def _parameter_name(self, target: ir.Part, kind: str) -> str:
        """The Python name of what a function or a handler is given; a pattern stands for what is read of it."""
        self.scope.kinds.update(dict.fromkeys(_leaves_of(target), ""))
        if isinstance(target, ir.Name):
            self.scope.kinds[target.word] = kind
        if not isinstance(target, ir.Items) or not kind:
            return self.names[target.word] if isinstance(target, ir.Name) else ""
        name = self.names.lend(kind.removeprefix("sdk "))
        with contextlib.suppress(NoRule):
            self.scope.aliases |= dict(self.destructure(target, Value(python.name(name), kind)))
            for word in _leaves_of(target):
                del self.scope.kinds[word]
        return name

    # Functions and classes

    def emit_define(self, part: ir.Define) -> list[Output]:
        """A class, a method, a property."""
        outer = self.scope, self.place
        kind, _, word = part.name.rpartition(" ")
        if kind in CLIENT_TYPES:
            self.knowledge.properties[word] = "client"
            self.scope.kinds.setdefault(word, "client")
        if part.is_class:
            self.place, self.scope = part.name, self.inner_scope()
            made = self.block(part.parts)
            self.scope, self.place = outer
            return made
        made = []
        for each in part.parts:
            assign = each.value if isinstance(each, ir.Do) else None
            if isinstance(assign, ir.Assign) and isinstance(assign.value, ir.Literal) and assign.value.value is None:
                # Declared and not yet filled: of use only where someone asks for it.
                is_asked = isinstance(assign.target, ir.Name) or ir.name_of_call(assign.target) in self.tested
                made += self.block([each]) if is_asked else []
            else:
                made += self.emit_function(each, part.name) if isinstance(each, ir.Function) else self.block([each])
        return made

    def emit_function(self, part: ir.Function, name: str = "") -> list[Output]:
        """A function's statements, in a scope of their own."""
        if part in self.ported:
            return []
        name = name or part.name
        outer = self.scope, self.place, self.nested, self.span, self.returned
        self.scope = self.inner_scope(_unstable(part.body) | part.shared)
        self.scope.changed = _names_changed(part.body)
        sign = "::" if self.is_php else "."
        self.place = f"{self.place}{sign if self.place and name else ''}{name}"
        self.nested, self.span, self.returned = 0, (0, FOREVER), []
        made: list[Output] = []
        for each in part.parameters:
            self._parameter_name(each.pattern, each.kind or _TYPES.get(each.type, ""))
            found = [] if each.default is None else self.emit_do(ir.Do(each.node, each.default))
            made += [output for output in found if output.is_sdk or output.kind == "scope"]
        made.append(Output(part, self.place, "scope", branches=[Branch("scope", part.body, self.block(part.body))]))
        if name:
            self._learn(part, name, any(each.uses for each in made[-1].inner()))
        self.scope, self.place, self.nested, self.span, self.returned = outer
        return made

    def _learn(self, part: ir.Function, name: str, is_caller: bool) -> None:
        """What a function hands back, for whoever calls it, and whether it calls the SDK."""
        kinds = {"client"} if part.returns in CLIENT_TYPES else {each.kind for each in self.returned}
        names = [each.code.id if isinstance(each.code, ast.Name) else "" for each in self.returned]
        for word, kind in self.knowledge.properties.items():
            if kind == "client" and set(names) == {self.names[word]}:
                self.knowledge.getters[name] = word
        if len(kinds) == 1 and not kinds & {"", "none", "text", "int", "flag"}:
            self.knowledge.functions[name] = kinds.pop().replace("promise", "answer")
        self.knowledge.callers |= {name} if is_caller else set()

    # Assignments

    def _assign(self, part: ir.Do, assign: ir.Assign) -> list[Output]:
        made: list[Output] = []
        is_chained = isinstance(assign.value, ir.Assign)
        if isinstance(assign.value, ir.Assign):
            made = self._assign(part, assign.value)
            assign = ir.Assign(assign.node, assign.target, assign.operator, assign.value.target)
        function = assign.value if isinstance(assign.value, ir.Function) else None
        if function is not None and not (isinstance(assign.target, ir.Name) and self.is_closure(function)):
            return [*made, *self.emit_function(function)]
        output = self._output(
            part, "code", lambda: self.assignment(assign), may_stop=self._may_stop(assign.value, True)
        )
        output.targets = frozenset(word for statement in output.code for word in python.targets_of(statement))
        output.is_lasting = bool(self.property_of(assign.target))
        if not output.is_sdk and not output.targets:
            output.kind = "drop"
        made += [*([output] if output.code or output.uses else []), *self._changed(assign, output)]
        return [*made, *([] if is_chained else self._closures(part))]

    def assignment(self, part: ir.Assign) -> list[ast.stmt]:
        """An assignment as statements, and what becomes known by it; a hole where the target is the shop's."""
        with contextlib.suppress(NoRule):
            return self._assignment(part)
        target = part.target
        root = ir.path_of(target)[0]
        is_item = isinstance(target, ir.Access) and (target.is_item or not self.is_php)
        is_whole = not isinstance(target, ir.Access) or (
            is_item and bool(self.is_php or self.scope.kind(ir.word_of(root)))
        )
        words = _leaves_of(root if isinstance(target, ir.Access) else target) if is_whole else []
        owner = target.base if isinstance(target, ir.Access) and target.is_item else target
        words = [self.property_of(owner)] if self.property_of(owner) else words
        value = self.value(part.value)
        # Another operator may not even look at its value.
        given = value.code if part.operator == "=" else python.code("lambda: _0", value.code)
        code = python.hole(text(part.node), [given] if value.uses else [])
        self.scope.kinds.update(dict.fromkeys(words, ""))
        return [python.assign(self.names[word], code) for word in words] or [ast.Expr(code)]

    def _assignment(self, part: ir.Assign) -> list[ast.stmt]:
        target, operator = part.target, part.operator
        if isinstance(target, ir.Items):
            return self._pattern(target, part)
        is_own = isinstance(target, ir.Access) and ir.word_of(target.base) == "this" and not target.is_item
        if isinstance(target, ir.Access) and not is_own:
            return self._entry(target, part)
        word = ir.name_of_call(target) if is_own else ir.word_of(target)
        if isinstance(part.value, ir.New) and self._is_form(part.value) and not is_own:
            self.uses += 1
            self.forms[word], self.scope.kinds[word] = [], "form"
            return []
        made = self.copy_of(part.value, is_changed=not is_own and word in self.scope.changed)
        if is_own and (made.uses or made.kind in ("client", "node", "key", "media")):
            # A property that the SDK fills is a plain variable from then on.
            known = self.knowledge.properties
            known[word] = made.kind if known.get(word, made.kind) in (made.kind, "none") else ""
        if word in ("", "this") or (is_own and not self.property_of(target)):
            raise NoRule
        statements = self._store(word, operator, made)
        if operator == "=" and not is_own:
            is_first = self.scope.kinds.get(word, made.kind) in ("none", made.kind)
            self.scope.kinds[word] = made.kind if is_first or not self.nested else ""
            self.scope.brings[word] = made.brings
            self.scope.keys[word] = _keys_of(made.code) or set()
        return statements

    def _is_form(self, part: ir.New) -> bool:
        is_known = isinstance(part.function, ir.ClassName) and part.function.known
        return is_known and ir.word_of(part.function) == "Multipart" and not self.is_php

    def _store(self, word: str, operator: str, made: Value) -> list[ast.stmt]:
        name = self.names[word]
        old = Value(python.name(name), self.scope.kind(word) or self.knowledge.properties.get(word, ""))
        if operator == "=" or (operator == "??=" and old.kind == "client"):
            is_same = isinstance(made.code, ast.Name) and made.code.id == name
            return [] if is_same else [python.assign(name, made.code)]
        if operator == ".=" or (operator == "+=" and not self.is_php and "text" in (old.kind, made.kind)):
            self.scope.kinds[word] = "text"
            return [python.assign(name, ast.BinOp(self.as_text(old), ast.Add(), self.as_text(made)))]
        if operator != "+=" or not self.is_php or (old.kind, made.kind) != ("map", "map"):
            raise NoRule
        mine, added = self.scope.keys.get(word), _keys_of(made.code)
        if mine and added and not mine & added:
            self.scope.keys[word] = mine | added
            return [ast.AugAssign(ast.Name(name, ast.Store()), ast.BitOr(), made.code)]
        # What is there already stays, in its place.
        return [python.assign(name, python.code("{**_0, **_1, **_0}", old.code, made.code))]

    def _entry(self, target: ir.Access, part: ir.Assign) -> list[ast.stmt]:
        """``$params['k'] = …``, ``params.k = …``, ``$list[] = …``."""
        made = self.copy_of(part.value)
        keys: list[ir.Part | None] = []
        root: ir.Part = target
        while isinstance(root, ir.Access) and not self.property_of(root) and (root.is_item or not self.is_php):
            keys.insert(0, root.key)
            root = root.base
        word = ir.word_of(root) if isinstance(root, ir.Name) else self.property_of(root)
        if part.operator != "=" or word in ("", "this"):
            raise NoRule
        kind = self.scope.kind(word) if isinstance(root, ir.Name) else self.knowledge.properties[word]
        before: list[ast.stmt] = []
        if self.is_php and isinstance(root, ir.Name) and self.scope.holder(word) is None:
            # An array begins with its first entry.
            kind = "list" if keys[0] is None else "map"
            before = [python.assign(self.names[word], python.code("{}" if kind == "map" else "[]"))]
            self.scope.kinds[word] = kind
        holder = self.value(root).code
        if made.kind == "promise":
            self.scope.brings[word] = made.brings
        elif not self.is_php and ir.name_of_call(target) == "timeout":
            self.scope.brings[word] = "timeout"
        if kind == "list" and keys == [None]:
            return [*before, ast.Expr(python.method(holder, "append", made.code))]
        steps = [ir.literal_text(key) for key in keys]
        last = Value(holder) if keys[-1] is None else self.value(keys[-1])
        is_index = any(re.fullmatch(r"\d+", step or "") for step in steps)
        if (
            kind not in ("map", "json", "" if self.is_php else "map")
            or last.kind != "text"
            or None in steps[:-1]
            or is_index
        ):
            raise NoRule
        for step in steps[:-1]:
            holder = python.code(f"_0.setdefault({step!r}, {{}})" if self.is_php else f"_0[{step!r}]", holder)
        self.scope.keys.get(word, set()).add(steps[0] or "")
        return [*before, ast.Assign([ast.Subscript(holder, last.code, ast.Store())], made.code)]

    def _pattern(self, pattern: ir.Items, part: ir.Assign) -> list[ast.stmt]:
        """A destructuring: of an answer or of decoded JSON what is read, of anything else a hole for each name."""
        made, words = self.value(part.value), _leaves_of(pattern)
        is_readable = made.kind in _READABLE
        statements: list[ast.stmt] = []
        source = made
        if not isinstance(made.code, ast.Name) and (len(words) > 1 if is_readable else made.uses):
            whole = self.names.lend("answer" if made.kind == "answer" else "found")
            statements.append(python.assign(whole, made.code))
            source = made._replace(code=python.name(whole))
        told: list[tuple[str, Value]] = []
        for entry in pattern.entries:
            found: list[tuple[str, Value]] = []
            with contextlib.suppress(NoRule):
                found = self.destructure(ir.Items(pattern.node, [entry], False), source) if is_readable else []
            given = [source.code] if made.uses else []
            told += found or [
                (word, Value(python.hole(_read(pattern, word, part), given))) for word in _leaves_of(entry[1])
            ]
        entries = part.value.entries if isinstance(part.value, ir.Items) and part.value.is_list else []
        known = {f"[{index}]": self.done[each].kind for index, (_, each) in enumerate(entries) if each in self.done}
        for word, value in told:
            index = f"[{ast.unparse(value.code.slice)}]" if isinstance(value.code, ast.Subscript) else ""
            self.scope.kinds[word] = known.get(index, value.kind)
            statements.append(python.assign(self.names[word], value.code))
        return statements


def _is_print(function: ir.Part) -> bool:
    base = ir.owner_of(function) or function
    return isinstance(base, ir.ClassName) and (base.word in PRINTS or (base.word == "console" and base is not function))


def _keys_of(code: ast.expr) -> set[str] | None:
    """The keys of a dict, where all of them are known."""
    keys = code.keys if isinstance(code, ast.Dict) else [None]
    return (
        {str(key.value) for key in keys if isinstance(key, ast.Constant)}
        if all(isinstance(key, ast.Constant) for key in keys)
        else None
    )


def _leaves_of(pattern: ir.Part) -> list[str]:
    """The names that a pattern gives."""
    if isinstance(pattern, ir.Items):
        return [word for _, value in pattern.entries for word in _leaves_of(value)]
    if isinstance(pattern, ir.Parameter | ir.Spread):
        return _leaves_of(pattern.pattern if isinstance(pattern, ir.Parameter) else pattern.value)
    return [pattern.word] if isinstance(pattern, ir.Name) and pattern.word != "this" else []


def _read(pattern: ir.Items, word: str, part: ir.Assign) -> str:
    """How the original would read what a name of a pattern stands for."""
    for key, target in pattern.entries:
        if ir.word_of(target) == word and isinstance(key, ir.Literal):
            return f"{text(part.value.node)}[{key.value!r}]"
    return f"{word}: {text(part.node)}"


def _names_set(parts: Iterable[ir.Part], into_functions: bool = False) -> set[str]:
    """The variables that statements set or change."""
    found: list[ir.Part] = []
    for each in (inner for part in parts for inner in ir.walk(part, into_functions)):
        if isinstance(each, ir.Assign):
            found += [each.target, each.value] if each.operator == "&=" else [each.target]
        elif isinstance(each, ir.Operation) and each.operator == "delete":
            found += each.operands
        elif isinstance(each, ir.Call):
            owner, word = ir.owner_of(each), ir.name_of_call(each)
            name = f"{ir.word_of(owner)}.{word}" if word else ir.word_of(each.function).lower()
            found += each.arguments[_CHANGING[name]] if name in _CHANGING else []
            is_array = each.node.type == "call_expression"  # those of PHP have no methods
            found += [owner] if owner is not None and is_array and word in _CHANGING_METHODS else []
    return {word for each in found for word in _leaves_of(ir.path_of(each)[0])}


def _set_around(function: ir.Function) -> set[str]:
    """The variables of others that a function of JavaScript sets."""
    inner = [each for part in function.body for each in ir.walk(part) if isinstance(each, ir.Assign)]
    own = {word for each in inner if each.declares for word in _leaves_of(each.target)}
    own |= {word for each in function.parameters for word in _leaves_of(each.pattern)}
    return _names_set(function.body, into_functions=True) - own


def _names_changed(parts: Iterable[ir.Part]) -> dict[str, int]:
    """The variables whose entries are set, and the last place where that is done; in a loop that is its end."""
    found: dict[str, int] = {}
    inner = [each for part in parts for each in ir.walk(part)]
    loops = [each.node for each in inner if isinstance(each, ir.Loop)]
    for each in inner:
        root, keys = ir.path_of(each.target) if isinstance(each, ir.Assign) else (each, [])
        if isinstance(root, ir.Name) and keys:
            around = [loop.end_byte for loop in loops if loop.start_byte <= each.node.start_byte < loop.end_byte]
            place = max([each.node.start_byte, *around])
            found[root.word] = max(found.get(root.word, 0), place)
            if len(keys) > 1 and root.word != "this":
                found[f"[{ir.literal_text(keys[0])}]"] = place
    return found


def _unstable(parts: Iterable[ir.Part]) -> frozenset[str]:
    """The variables that functions within change: those they do not declare."""
    inner = [each for part in parts for each in ir.walk(part) if isinstance(each, ir.Function)]
    return frozenset(word for each in inner for word in each.shared)
