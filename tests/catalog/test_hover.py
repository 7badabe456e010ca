"""What an editor shows: the language server of basedpyright, asked as an editor asks it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent
CODE = """from wechatpay_chain{room} import Wechatpay

wxpay = Wechatpay.from_env()
wxpay.v3.pay.transactions.native.post({{"appid": "a", "amount": {{"total": 1}}}})
"""
LINE = 3


class Server:
    """A language server on its standard streams: https://microsoft.github.io/language-server-protocol/"""

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            [str(Path(sys.executable).with_name("basedpyright-langserver")), "--stdio"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=folder,
        )
        self._numbers = count(1)
        abilities = {"workspace": {"configuration": True}, "textDocument": {"hover": {"contentFormat": ["markdown"]}}}
        root = {"uri": folder.as_uri(), "name": "tests"}
        self.ask("initialize", processId=None, rootUri=folder.as_uri(), capabilities=abilities, workspaceFolders=[root])
        self._send(method="initialized", params={})

    def open(self, file: Path) -> None:
        told = {"uri": file.as_uri(), "languageId": "python", "version": 1, "text": file.read_text()}
        self._send(method="textDocument/didOpen", params={"textDocument": told})

    def hover(self, file: Path, word: str) -> str:
        """What is shown over a word of the line."""
        place = {"line": LINE, "character": file.read_text().splitlines()[LINE].index(word) + 1}
        told = self.ask("textDocument/hover", textDocument={"uri": file.as_uri()}, position=place)
        return str(told["contents"]["value"]) if told else ""

    def ask(self, method: str, **params: Any) -> Any:
        number = next(self._numbers)
        self._send(id=number, method=method, **({"params": params} if params else {}))
        while True:
            message = self._receive()
            if message.get("id") == number and "method" not in message:
                return message.get("result")
            if "method" in message and "id" in message:
                self._send(id=message["id"], result=self._configured(message))

    def close(self) -> None:
        self.ask("shutdown")
        self._send(method="exit")
        self._process.wait(60)
        for stream in (self._process.stdin, self._process.stdout):
            assert stream
            stream.close()

    @staticmethod
    def _configured(asked: dict[str, Any]) -> Any:
        if asked["method"] != "workspace/configuration":
            return None
        return [{"analysis": {"extraPaths": [str(ROOT)]}, "extraPaths": [str(ROOT)]} for _ in asked["params"]["items"]]

    def _send(self, **message: Any) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        self._process.stdin.flush()

    def _receive(self) -> dict[str, Any]:
        stream = self._process.stdout
        assert stream
        length = 0
        while line := stream.readline().strip():
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        message: dict[str, Any] = json.loads(stream.read(length))
        return message


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Path]]:
    folder = tmp_path_factory.mktemp("editor")
    (folder / "plain.py").write_text(CODE.format(room=""))
    (folder / "strict.py").write_text(CODE.format(room=".typed"))
    server = Server(folder)
    for name in ("plain.py", "strict.py"):
        server.open(folder / name)
    yield server, folder
    server.close()


@pytest.mark.slow
@pytest.mark.parametrize("file", ["plain.py", "strict.py"])
def test_a_verb_shows_the_fields_that_have_to_be_sent(server: tuple[Server, Path], file: str) -> None:
    """By their official names, beside its own name and its page."""
    told = server[0].hover(server[1] / file, "post").replace("\\", "")
    assert "Native下单API" in told
    assert "required: appid 公众号ID, mchid 直连商户号, description 商品描述, out_trade_no 商户订单号" in told
    assert "https://pay.weixin.qq.com/" in told


@pytest.mark.slow
@pytest.mark.parametrize(("word", "label"), [('"appid"', "公众号ID"), ('"amount"', "订单金额"), ('"total"', "总金额")])
def test_a_field_shows_its_official_name(server: tuple[Server, Path], word: str, label: str) -> None:
    """In the body of the strict client, in any depth."""
    assert label in server[0].hover(server[1] / "strict.py", word)
