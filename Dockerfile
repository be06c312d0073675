# syntax=docker/dockerfile:1
# Two stages: the first installs from the hashed lock and compiles the kernels, the second only holds the result.
ARG BASE=python:3.12-slim-bookworm

FROM ${BASE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    NUMBA_CACHE_DIR=/opt/kullback/numba
RUN python3 -m venv /opt/kullback
WORKDIR /source
COPY requirements.lock ./
RUN /opt/kullback/bin/pip install --require-hashes --requirement requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY service ./service
RUN /opt/kullback/bin/pip install --no-deps . \
    && /opt/kullback/bin/kullback warmup
COPY deploy/container/start.sh /opt/kullback/bin/start

FROM ${BASE}
LABEL org.opencontainers.image.title="Kullback" \
      org.opencontainers.image.description="Streaming anomaly detection for the Prometheus world" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/kullback /opt/kullback
RUN install -d -o 65532 -g 65532 /var/lib/kullback
ENV PATH=/opt/kullback/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    NUMBA_CACHE_DIR=/tmp/kullback-numba \
    KULLBACK_SERVER__LISTEN=0.0.0.0:9797 \
    KULLBACK_STORAGE__PATH=/var/lib/kullback
USER 65532:65532
WORKDIR /var/lib/kullback
VOLUME /var/lib/kullback
EXPOSE 9797
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:9797/-/ready', timeout=2)"]
ENTRYPOINT ["start"]
CMD ["serve"]
