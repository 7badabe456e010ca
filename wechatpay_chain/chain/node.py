"""Words become a path: a node is data until it is called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from wechatpay_chain.chain.completers import ChainType, add_manual, trust
from wechatpay_chain.encoding import paths
from wechatpay_chain.errors import ChainError
from wechatpay_chain.request.call import VERBS, Verb
from wechatpay_chain.request.options import NATIVE, Face
from wechatpay_chain.tracebacks import hide_values

if TYPE_CHECKING:
    from wechatpay_chain.chain.introspection import Place

__all__ = ["Chain", "Dispatcher", "FirstWord", "Root", "call_of"]


class Dispatcher(Protocol):
    """Whom a node hands its call to; ``mchid`` and ``_face`` are for the call that help shows."""

    _face: Face

    @property
    def mchid(self) -> str: ...

    def _text(self, text: str) -> str: ...

    def _dispatch(self, verb: Verb, path: str, args: tuple[Any, ...], options: Mapping[str, Any]) -> Any: ...

    def _method_hint(self, path: str) -> str: ...


@add_manual
class Chain(metaclass=ChainType):
    """A path under construction, and its verbs.

    Attributes, ``['…']``, ``chain('…')`` and ``/ value`` each give a new node. Calling one that ends with
    ``get post put patch delete`` (also ``…Async``, ``…_async``) sends; calling any other one with a mapping
    posts, as in JS. Nothing else sends.
    """

    __slots__ = ("_client", "_path", "_word")

    _client: Dispatcher
    _path: tuple[str, ...]
    _word: str | None

    def __init__(self, client: Dispatcher, path: tuple[str, ...] = (), word: str | None = None) -> None:
        # Every word makes one: the slots' own setters, since __setattr__ refuses, and object's looks names up.
        _set_client(self, client)
        _set_path(self, path)
        _set_word(self, word)

    def __getattr__(self, name: str) -> Chain:
        # Displays, debuggers, copy, pickle and numpy ask for names like these: they are no words of a path.
        if name[:1] == "_" and paths.is_foreign(name):
            raise AttributeError(f"{type(self).__name__!r} has no attribute {name!r}")
        node = _new(Chain)
        _set_client(node, self._client)
        _set_path(node, (*self._path, paths.segment(name)))
        _set_word(node, name)
        return node

    def __getitem__(self, text: str) -> Chain:
        return Chain(self._client, (*self._path, self._client._text(text)))

    def __truediv__(self, value: str | int) -> Chain:
        return Chain(self._client, (*self._path, paths.encode_segment(value, "/")))

    def chain(self, text: str) -> Chain:
        """The node ``text`` further down: one segment or many, with placeholders, slash or query as written."""
        return self[text]

    @hide_values
    def __call__(self, *args: Any, **options: Any) -> Any:
        verb, path = _split(self)
        if verb is None:
            # dict(node), node.keys() and the like call nodes too: only a mapping makes it a request.
            if args and isinstance(args[0], Mapping):
                _refuse_misspelt(self)
            else:
                raise ChainError(
                    f"/{paths.display_path(path)} is called without a verb: end it with one, such as .get() or"
                    f" .post({{…}}), or pass a mapping to post{self._client._method_hint(path)}; nothing was sent"
                )
            verb = VERBS["post"]
        _refuse_unsendable(self, path)
        return self._client._dispatch(verb, path, args, options)

    def __dir__(self) -> list[str]:
        return _place(self).names()

    def __repr__(self) -> str:
        return _place(self).line()

    def _ipython_key_completions_(self) -> list[str]:
        return _place(self).keys()

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        # Within a list or a dict one line is what fits.
        printer.text(_place(self).line() if len(printer.stack) > 1 else _place(self).listing())

    def _repr_html_(self) -> str:
        return _place(self).html()

    def _path_text(self) -> str:
        return _split(self)[1]

    def _manual(self) -> str:
        return _place(self).manual(self._client.mchid, self._client._face.name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Chain) and self._client is other._client and _split(self) == _split(other)

    def __hash__(self) -> int:
        return hash((id(self._client), _split(self)))

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a chain never changes: {name} cannot be set")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a chain never changes: {name} cannot be deleted")

    def __copy__(self) -> Chain:
        return self

    def __deepcopy__(self, memo: object) -> Chain:
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError(
            f"<{_place(self).display_text()}> holds a client with keys and connections and is not pickled;"
            " make it where it is used"
        )

    # With __getitem__ alone, Python would take nodes for endless sequences.
    __iter__ = None
    __reversed__ = None
    __contains__ = None


class _Signature:
    """What ``inspect.signature`` finds of a node, and not of its class."""

    def __get__(self, node: Chain | None, owner: type) -> Any:
        if node is None:
            raise AttributeError("__signature__")
        # Nobody needs it for a call.
        from wechatpay_chain.chain.calltips import signature

        verb, path = _split(node)
        return signature(path, verb)


type.__setattr__(Chain, "__signature__", _Signature())
_new = object.__new__
_set_client, _set_path, _set_word = (vars(Chain)[name].__set__ for name in Chain.__slots__)


class Root:
    """Where chains begin: the attributes of a client are the first words of a path."""

    def __getattr__(self: Dispatcher, name: str) -> Chain:
        if paths.is_foreign(name):
            raise AttributeError(f"{type(self).__name__!r} has no attribute {name!r}")
        return Chain(self, (paths.segment(name),), name)

    def __getitem__(self: Dispatcher, text: str) -> Chain:
        return Chain(self, (self._text(text),))

    # With __getitem__ alone, Python would take a client for an endless sequence.
    __iter__ = None
    __contains__ = None

    def chain(self: Dispatcher, text: str) -> Chain:
        """The node at ``text``: one segment or many, with placeholders, slash or query as written."""
        return Chain(self, (self._text(text),))

    def _ipython_key_completions_(self) -> list[str]:
        return _place_of("", None, "").keys()

    def __dir__(self) -> list[str]:
        own = {name for name in super().__dir__() if not name.startswith("_")}
        return sorted(own.union(_place_of("", None, "").names()))

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        trust(Chain, cls)


class FirstWord:
    """A word with which known paths begin, as an attribute of a client's class: ``create_autospec`` looks for it there.

    Of the class itself it is a chain that cannot be called.
    """

    def __init__(self, word: str) -> None:
        self._word = word
        self._segment = paths.segment(word)

    def __get__(self, client: Any, owner: type) -> Chain:
        return Chain(_NOBODY if client is None else client, (self._segment,), self._word)


class _Nobody:
    """Whom the chains of a class would hand their calls to."""

    _face = NATIVE
    mchid = ""

    def _text(self, text: str) -> str:
        return paths.as_written(text)

    def _dispatch(self, verb: Verb, path: str, args: tuple[Any, ...], options: Mapping[str, Any]) -> NoReturn:
        raise ChainError("this chain belongs to a class; make a client, and call its chain; nothing was sent")

    def _method_hint(self, path: str) -> str:
        return ""


_NOBODY = _Nobody()


def call_of(node: Chain) -> tuple[Verb, str]:
    """Verb and path of a node that ends with a verb; ChainError for any other."""
    verb, path = _split(node)
    if verb is None:
        raise ChainError(
            f"<{_place(node).display_text()}> has no verb: end it with .get, .post or another one; nothing was sent"
        )
    _refuse_unsendable(node, path)
    return verb, path


def _refuse_misspelt(node: Chain) -> None:
    """Raise ChainError for a last word that is nearly a verb: it would be a signed POST to another path."""
    import difflib

    word = node._word or ""
    close = difflib.get_close_matches(word, VERBS, n=1, cutoff=0.8)
    close = close or [verb for verb in VERBS if verb.lower() == word.lower()]
    if close:
        raise ChainError(
            f"/{paths.display_path(_join_path(node._path))}: did you mean .{close[0]}(…)?"
            f" A path that ends so is posted to with .{word}.post({{…}}); nothing was sent"
        )


def _split(node: Chain) -> tuple[Verb | None, str]:
    verb = None if node._word is None else VERBS.get(node._word)
    return verb, _join_path(node._path if verb is None else node._path[:-1])


def _place(node: Chain) -> Place:
    verb, path = _split(node)
    return _place_of(path, verb, _join_path(node._path))


def _place_of(path: str, verb: Verb | None, whole: str) -> Place:
    # Nobody needs the catalogue for a call.
    from wechatpay_chain.chain.introspection import Place

    return Place(path, verb, whole)


def _join_path(path: tuple[str, ...]) -> str:
    text = "/".join(path)
    if "//" in text:
        # chain('v3/pay/').transactions is one path; a double slash inside one text is the API's own.
        text = "".join(piece if piece.endswith("/") else f"{piece}/" for piece in path[:-1]) + path[-1]
    return text


def _refuse_unsendable(node: Chain, path: str) -> None:
    if not path:
        raise ChainError("there is no path before the verb; nothing was sent")
    if "?" not in path and "#" not in path:
        return
    before = node._path[: -1 if node._word is None or node._word not in VERBS else -2]
    if any("?" in piece or "#" in piece for piece in before):
        raise ChainError(f"{paths.display_path(path)}: nothing but a verb can follow a query or #; nothing was sent")
