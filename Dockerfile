# The service as an image: docker build -t foot-drop-cds .
# It runs as an unprivileged user and writes only to /data. It starts if its settings register a client
# (docs/production.md), or with serve --dev.

FROM python:3.11.14-slim-bookworm AS build
WORKDIR /build
RUN python -m venv /opt/foot-drop-cds
COPY pyproject.toml constraints.txt README.md LICENSE NOTICE ./
COPY cards cards
COPY service service
COPY fhir_examples fhir_examples
RUN /opt/foot-drop-cds/bin/pip install --no-cache-dir --disable-pip-version-check --constraint constraints.txt .
RUN /opt/foot-drop-cds/bin/foot-drop-cds --version

FROM python:3.11.14-slim-bookworm
LABEL org.opencontainers.image.title="foot-drop-cds" org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/foot-drop-cds /opt/foot-drop-cds
# A volume at /data is created from this folder, and so belongs to the user below.
RUN install --directory --owner=65532 --group=65532 --mode=0700 /data
ENV PATH=/opt/foot-drop-cds/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 65532:65532
WORKDIR /data
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import http.client, sys; ask = http.client.HTTPConnection('127.0.0.1', 8080, timeout=4); ask.request('GET', '/cds-services'); sys.exit(ask.getresponse().status not in (200, 401, 421))"]
ENTRYPOINT ["foot-drop-cds"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8080"]
