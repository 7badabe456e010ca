# The sandbox in a container: docs/testing-your-shop.md says how it is used.
FROM python:3.13-slim AS build
COPY . /source
RUN pip wheel --no-cache-dir --wheel-dir /wheels /source

FROM python:3.13-slim
COPY --from=build /wheels /wheels
RUN pip install --no-cache-dir --no-index --find-links /wheels wechatpay-chain \
    && rm -r /wheels \
    && useradd --system --uid 10001 --home-dir /data --create-home sandbox
USER sandbox
WORKDIR /data
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
    CMD ["python", "-c", "import http.client as h; c = h.HTTPConnection('127.0.0.1', 8080, timeout=2); c.request('GET', '/_/health'); raise SystemExit(c.getresponse().status != 200)"]
ENTRYPOINT ["wechatpay-chain", "sandbox", "--host", "0.0.0.0", "--port", "8080", "--db", "/data/sandbox.db"]
