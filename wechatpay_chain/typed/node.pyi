"""What all nodes of the stubs share: the options of a call, its answer, and that an unknown word is an error."""

from collections.abc import Mapping, Sequence
from typing import Any, Generic, Literal, TypeAlias, TypeVar

from typing_extensions import TypedDict
from wechatpay_chain.chain.node import Chain
from wechatpay_chain.response import Response
from wechatpay_chain.transport.media import Media
from wechatpay_chain.transport.sink import Sink

T_co = TypeVar("T_co", covariant=True)

Config: TypeAlias = Mapping[str, Any] | None
Body: TypeAlias = Mapping[str, Any] | Sequence[Any] | Media | None
Value: TypeAlias = str | int
Text: TypeAlias = str | float

class Answer(Response, Generic[T_co]):
    """An answer of WeChat Pay, whose ``data`` is known."""

    @property
    def data(self) -> T_co: ...

class OptionsWithoutParams(TypedDict, total=False):
    """The options of an APIv3 call but its query and JSON."""

    data: Any
    headers: Mapping[str, Any]
    timeout: float | tuple[float, float]
    retry: bool | int
    deadline: float
    stream: bool
    sink: Sink
    base_url: str | Sequence[str]
    baseURL: str | Sequence[str]
    files: Any
    meta: Mapping[str, Any]
    responseType: Literal["json", "text", "arraybuffer", "blob", "document", "stream"]

class Options(OptionsWithoutParams, total=False):
    """The options of an APIv3 call whose query is not known."""

    params: Any

class LegacyOptionsWithoutParams(OptionsWithoutParams, total=False):
    """The options of an APIv2 call but its fields."""

    nonceless: bool
    security: bool

class LegacyOptions(LegacyOptionsWithoutParams, total=False):
    """The options of an APIv2 call that has no query."""

    params: Any

class OpenNode(Chain):
    """A path that goes on by any word; those that are known are offered."""

class Node(Chain):
    """A known path, whose attributes and verbs are those of the catalogue."""

    # None in the place of the method makes type checkers refuse what only it would allow.
    __getattr__: None  # type: ignore[assignment,misc]

class Stem(Node):
    """A known path that nothing is posted to."""

    __call__: None  # type: ignore[assignment]
