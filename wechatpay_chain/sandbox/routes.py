"""Which product answers a request: its own route, else the one of the catalogue's operation."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import NamedTuple
from urllib.parse import unquote

from wechatpay_chain.catalog import tree
from wechatpay_chain.catalog.facts import Operation
from wechatpay_chain.sandbox.answer import Received
from wechatpay_chain.sandbox.parameters import Parameters, json_object, query_of, read
from wechatpay_chain.sandbox.product import Product, Reply, Route

__all__ = ["Absent", "Found", "Routes", "is_legacy"]


class Found(NamedTuple):
    """The route of a request, and its operation in the catalogue, None for a path that only the sandbox has."""

    route: Route
    operation: Operation | None


class Absent(Exception):
    """No such path (404), or no such method on it (405)."""

    def __init__(self, status: int) -> None:
        super().__init__(f"{status}")
        self.status = status


class Routes:
    """The routes of all products; ``otherwise`` answers the operations that none of them has."""

    def __init__(self, products: Iterable[Product], otherwise: Reply) -> None:
        self._otherwise = otherwise
        self._routes: dict[tuple[str, str], Route] = {}
        # Paths without a placeholder that were asked for, and the routes that the catalogue does not have.
        self._fixed: dict[tuple[str, str], Found] = {}
        self._own: list[tuple[re.Pattern[str], Route]] = []
        for route in (route for product in products for route in product.routes):
            if (route.method, route.path) in self._routes:
                raise ValueError(f"{route.method} {route.path} has two products")
            self._routes[route.method, route.path] = route
            found = tree.match(route.method, f"v2{route.path}" if is_legacy(route.path) else route.path)
            if found is None or found.path != route.path:
                self._own.append((_pattern(route.path), route))

    def find(self, method: str, path: str) -> Found:
        """The route of a request; ``path`` is without its query. Raises Absent."""
        fixed = self._fixed.get((method, path))
        if fixed is not None:
            return fixed
        known = f"v2{path}" if is_legacy(path) else path
        operation = tree.match(method, known)
        if operation is not None:
            route = self._routes.get((method, operation.path))
            found = Found(route or Route(method, operation.path, self._otherwise), operation)
            if operation.path == path:
                self._fixed[method, path] = found
            return found
        for pattern, route in self._own:
            if route.method in ("*", method) and pattern.fullmatch(path):
                return Found(route, None)
        branch = tree.branch(known)
        is_own = any(pattern.fullmatch(path) for pattern, _ in self._own)
        raise Absent(405 if is_own or (branch is not None and branch.operations) else 404)

    def parameters(self, found: Found, request: Received) -> Parameters:
        """What a request carries, checked as far as the catalogue knows its operation. Raises Refusal."""
        if found.operation is not None:
            return read(found.operation, request, found.route.optional)
        path, _, query = request.target.partition("?")
        matched = _pattern(found.route.path).fullmatch(path)
        texts = {} if matched is None else matched.groupdict()
        values = {name: unquote(text, errors="replace") for name, text in texts.items()}
        return Parameters(values, query_of(query), json_object(request))

    @property
    def named(self) -> frozenset[tuple[str, str]]:
        """Method and path of every product's route."""
        return frozenset(self._routes)


@cache
def _pattern(path: str) -> re.Pattern[str]:
    if path.endswith("*"):
        return re.compile(re.escape(path[:-1]) + ".*", re.DOTALL)
    return re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(path)))


def is_legacy(path: str) -> bool:
    """Whether a path belongs to APIv2."""
    return not path.startswith(("/v3/", "/hk/", "/global/", "/brand/"))
