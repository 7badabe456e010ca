"""What to paste into a program so that it calls this sandbox: Python, PHP, Node, Java and Go.

Each is whole and needs nothing but its language: it places an order and prints the answer. The keys are read from
files, so that no secret but the folder's name stands in a program.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from string import Template
from typing import Any, NamedTuple

__all__ = ["Snippet", "snippets"]


class Snippet(NamedTuple):
    """One language: its short name, its name for people, the file that the text belongs into, and the text."""

    name: str
    title: str
    file: str
    text: str


_PYTHON = """\
# pip install wechatpay-chain
import json
import time
from pathlib import Path

import requests
from wechatpay_chain import Wechatpay

sandbox = json.loads(Path($folder, "sandbox.json").read_text(encoding="utf-8"))
session = requests.Session()
session.verify, session.trust_env = sandbox["files"]["ca"], False  # for --tls
with Wechatpay({
    "mchid": sandbox["mchid"],
    "serial": sandbox["serial"],
    "private_key": sandbox["files"]["private_key"],
    "apiv3_key": sandbox["apiv3_key"],
    "certs": {sandbox["public_key_id"]: sandbox["files"]["public_key"]},
    "base_url": sandbox["base_url"],
    "session": session,
}) as wxpay:
    order = {
        "appid": sandbox["appid"],
        "mchid": sandbox["mchid"],
        "description": "test",
        "out_trade_no": f"python{time.time_ns()}",
        "notify_url": "https://shop.example/notify",
        "amount": {"total": 100, "currency": "CNY"},
    }
    print(wxpay.v3.pay.transactions.native.post(order).data)
"""

_PHP = """\
<?php
$$sandbox = json_decode(file_get_contents($folder . '/sandbox.json'), true);
$$key = openssl_pkey_get_private(file_get_contents($$sandbox['files']['private_key']));
$$path = '/v3/pay/transactions/native';
$$body = json_encode([
    'appid' => $$sandbox['appid'],
    'mchid' => $$sandbox['mchid'],
    'description' => 'test',
    'out_trade_no' => 'php' . hrtime(true),
    'notify_url' => 'https://shop.example/notify',
    'amount' => ['total' => 100, 'currency' => 'CNY'],
]);
$$time = time();
$$nonce = bin2hex(random_bytes(16));
openssl_sign("POST\\n$$path\\n$$time\\n$$nonce\\n$$body\\n", $$signature, $$key, OPENSSL_ALGO_SHA256);
$$authorization = sprintf(
    'WECHATPAY2-SHA256-RSA2048 mchid="%s",nonce_str="%s",timestamp="%d",serial_no="%s",signature="%s"',
    $$sandbox['mchid'], $$nonce, $$time, $$sandbox['serial'], base64_encode($$signature)
);
echo file_get_contents($$sandbox['base_url'] . $$path, false, stream_context_create([
    'http' => [
        'method' => 'POST',
        'header' => ["Authorization: $$authorization", 'Content-Type: application/json', 'Accept: application/json',
                     'User-Agent: php'],
        'content' => $$body,
        'ignore_errors' => true,
    ],
    'ssl' => ['cafile' => $$sandbox['files']['ca']], // for --tls
])), "\\n";
"""

_NODE = """\
const { createSign, randomBytes } = require('node:crypto');
const { readFileSync } = require('node:fs');
const http = require('node:http');
const https = require('node:https');

const sandbox = JSON.parse(readFileSync($folder + '/sandbox.json', 'utf8'));
const path = '/v3/pay/transactions/native';
const body = JSON.stringify({
  appid: sandbox.appid,
  mchid: sandbox.mchid,
  description: 'test',
  out_trade_no: `node$${process.hrtime.bigint()}`,
  notify_url: 'https://shop.example/notify',
  amount: { total: 100, currency: 'CNY' },
});
const time = Math.floor(Date.now() / 1000);
const nonce = randomBytes(16).toString('hex');
const signature = createSign('RSA-SHA256')
  .update(`POST\\n$${path}\\n$${time}\\n$${nonce}\\n$${body}\\n`)
  .sign(readFileSync(sandbox.files.private_key), 'base64');
const url = new URL(path, sandbox.base_url);
const call = (url.protocol === 'https:' ? https : http).request(url, {
  method: 'POST',
  ca: readFileSync(sandbox.files.ca),
  headers: {
    Authorization: `WECHATPAY2-SHA256-RSA2048 mchid="$${sandbox.mchid}",nonce_str="$${nonce}",timestamp="$${time}",`
      + `serial_no="$${sandbox.serial}",signature="$${signature}"`,
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
    Accept: 'application/json',
    'User-Agent': 'node',
  },
}, (answer) => answer.pipe(process.stdout));
call.end(body);
"""

_JAVA = """\
// java Order.java (Java 17)
import java.io.ByteArrayInputStream;
import java.net.URI;
import java.net.http.*;
import java.nio.file.*;
import java.security.*;
import java.security.cert.*;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.regex.*;
import javax.net.ssl.*;

public class Order {
    static final Path FOLDER = Path.of($folder);

    // Any JSON library does this better.
    static String told(String json, String name) {
        Matcher found = Pattern.compile("\\"" + name + "\\": \\"([^\\"]*)\\"").matcher(json);
        if (!found.find()) throw new IllegalStateException(name);
        return found.group(1);
    }

    // For --tls: it is trusted, and nobody else.
    static SSLContext tls() throws Exception {
        KeyStore trusted = KeyStore.getInstance("PKCS12");
        trusted.load(null, null);
        byte[] pem = Files.readAllBytes(FOLDER.resolve("ca.pem"));
        for (var each : CertificateFactory.getInstance("X.509").generateCertificates(new ByteArrayInputStream(pem)))
            trusted.setCertificateEntry("sandbox" + trusted.size(), each);
        TrustManagerFactory managers = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        managers.init(trusted);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, managers.getTrustManagers(), null);
        return context;
    }

    public static void main(String[] arguments) throws Exception {
        String sandbox = Files.readString(FOLDER.resolve("sandbox.json"));
        String pem = Files.readString(FOLDER.resolve("apiclient_key.pem")).replaceAll("-----[A-Z ]+-----|\\\\s", "");
        PrivateKey key = KeyFactory.getInstance("RSA")
            .generatePrivate(new PKCS8EncodedKeySpec(Base64.getDecoder().decode(pem)));
        String mchid = told(sandbox, "mchid"), path = "/v3/pay/transactions/native";
        String body = ("{'appid':'" + told(sandbox, "appid") + "','mchid':'" + mchid + "','description':'test',"
            + "'out_trade_no':'java" + System.nanoTime() + "','notify_url':'https://shop.example/notify',"
            + "'amount':{'total':100,'currency':'CNY'}}").replace('\\'', '"');
        long time = System.currentTimeMillis() / 1000;
        String nonce = Long.toHexString(new SecureRandom().nextLong());
        Signature signer = Signature.getInstance("SHA256withRSA");
        signer.initSign(key);
        signer.update(("POST\\n" + path + "\\n" + time + "\\n" + nonce + "\\n" + body + "\\n").getBytes("UTF-8"));
        String authorization = "WECHATPAY2-SHA256-RSA2048 mchid=\\"" + mchid + "\\",nonce_str=\\"" + nonce
            + "\\",timestamp=\\"" + time + "\\",serial_no=\\"" + told(sandbox, "serial")
            + "\\",signature=\\"" + Base64.getEncoder().encodeToString(signer.sign()) + "\\"";
        HttpRequest call = HttpRequest.newBuilder(URI.create(told(sandbox, "base_url") + path))
            .header("Authorization", authorization)
            .header("Content-Type", "application/json").header("Accept", "application/json")
            .POST(HttpRequest.BodyPublishers.ofString(body)).build();
        HttpClient client = HttpClient.newBuilder().sslContext(tls()).build();
        System.out.println(client.send(call, HttpResponse.BodyHandlers.ofString()).body());
    }
}
"""

_GO = """\
package main

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	folder := $folder
	var sandbox struct {
		Mchid, Serial, Appid string
		BaseURL              string `json:"base_url"`
	}
	text, err := os.ReadFile(folder + "/sandbox.json")
	must(err)
	must(json.Unmarshal(text, &sandbox))
	text, err = os.ReadFile(folder + "/apiclient_key.pem")
	must(err)
	block, _ := pem.Decode(text)
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	must(err)
	path, now := "/v3/pay/transactions/native", time.Now()
	body, err := json.Marshal(map[string]any{
		"appid": sandbox.Appid, "mchid": sandbox.Mchid, "description": "test",
		"out_trade_no": fmt.Sprintf("go%d", now.UnixNano()), "notify_url": "https://shop.example/notify",
		"amount": map[string]any{"total": 100, "currency": "CNY"},
	})
	must(err)
	nonce := make([]byte, 16)
	_, err = rand.Read(nonce)
	must(err)
	message := fmt.Sprintf("POST\\n%s\\n%d\\n%x\\n%s\\n", path, now.Unix(), nonce, body)
	digest := sha256.Sum256([]byte(message))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key.(*rsa.PrivateKey), crypto.SHA256, digest[:])
	must(err)
	call, err := http.NewRequest("POST", sandbox.BaseURL+path, strings.NewReader(string(body)))
	must(err)
	call.Header.Set("Authorization", fmt.Sprintf(
		`WECHATPAY2-SHA256-RSA2048 mchid="%s",nonce_str="%x",timestamp="%d",serial_no="%s",signature="%s"`,
		sandbox.Mchid, nonce, now.Unix(), sandbox.Serial, base64.StdEncoding.EncodeToString(signature)))
	call.Header.Set("Content-Type", "application/json")
	call.Header.Set("Accept", "application/json")
	authority, err := os.ReadFile(folder + "/ca.pem") // for --tls
	must(err)
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(authority)
	client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted}}}
	answer, err := client.Do(call)
	must(err)
	defer answer.Body.Close()
	_, err = io.Copy(os.Stdout, answer.Body)
	must(err)
}
"""

_LANGUAGES = (
    ("python", "Python", "order.py", _PYTHON),
    ("php", "PHP", "order.php", _PHP),
    ("node", "Node", "order.cjs", _NODE),
    ("java", "Java", "Order.java", _JAVA),
    ("go", "Go", "order.go", _GO),
)


def snippets(description: Mapping[str, Any]) -> list[Snippet]:
    """A program for each language; ``description`` is what ``sandbox.json`` says.

    Without a folder of its own the sandbox has no file to read: the folder's name is then one to be replaced.
    """
    folder = str(description.get("directory") or "FOLDER")
    # JSON's text is also one of Python, JavaScript, Java and Go; PHP replaces names in it.
    written = {"php": "'" + folder.replace("\\", "\\\\").replace("'", "\\'") + "'"}
    common = json.dumps(folder, ensure_ascii=False)
    return [
        Snippet(name, title, file, Template(text).substitute(folder=written.get(name, common)))
        for name, title, file, text in _LANGUAGES
    ]
