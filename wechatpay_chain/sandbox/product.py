"""The seam between the gateway and its products: what a product is, and what it is asked with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from wechatpay_chain.catalog.facts import Operation
from wechatpay_chain.sandbox.answer import Answer, Received, Refusal
from wechatpay_chain.sandbox.world import Job, World

__all__ = ["Call", "Failure", "Product", "Reply", "Route"]


@dataclass(frozen=True)
class Call:
    """One request as a product sees it, rightly signed and of the shape that the catalogue has.

    ``path`` and ``query`` are texts by name; ``fields`` is the JSON body, the form, or the XML of APIv2; ``now`` is
    the sandbox's time, in seconds.
    """

    request: Received
    world: World
    route: Route
    operation: Operation | None
    path: Mapping[str, str]
    query: Mapping[str, str]
    fields: Mapping[str, Any]
    now: float

    @property
    def mchid(self) -> str:
        """The merchant that signed it."""
        return self.world.identity.mchid

    @property
    def given(self) -> dict[str, Any]:
        """Everything at the top level, by name."""
        return {**self.query, **self.fields, **self.path}


Reply: TypeAlias = Callable[[Call], Answer]


@dataclass(frozen=True)
class Route:
    """One operation of a product: method and path as the catalogue writes them, and who answers.

    ``is_strict``: fields that the catalogue does not have are refused. ``optional`` are fields that it requires and
    this operation does not.
    """

    method: str
    path: str
    reply: Reply
    is_strict: bool = False
    optional: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Product:
    """A product of WeChat Pay: its operations, the tables that hold its states, its work by the clock, its notices.

    A product holds nothing itself: all its state is in the store, which a reset empties.
    """

    name: str
    routes: tuple[Route, ...]
    tables: tuple[str, ...] = ()
    jobs: Mapping[str, Job] = field(default_factory=dict)
    notices: tuple[str, ...] = ()


class Failure(Refusal):
    """An error of APIv2, which travels as 200: a code with its text, or a return_msg alone.

    >>> Failure("ORDERNOTEXIST", "此交易订单号不存在").told["err_code"]
    'ORDERNOTEXIST'
    """

    def __init__(self, code: str, text: str, **fields: Any) -> None:
        super().__init__(200, code, text)
        self.told: dict[str, Any] = {
            "return_code": "SUCCESS",
            "return_msg": "OK",
            "result_code": "FAIL",
            "err_code": code,
            "err_code_des": text,
            **fields,
        }

    @classmethod
    def transport(cls, text: str, **fields: Any) -> Failure:
        """A request that was not understood: return_code FAIL, without a signature."""
        made = cls("", text)
        made.told = {"return_code": "FAIL", "return_msg": text, **fields}
        return made
