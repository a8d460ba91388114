# The program, with the versions it is tested with: docker build --tag ldapflow .
FROM python:3.11.13-slim-bookworm AS build
WORKDIR /source
# It holds for what the build itself needs, too.
ENV PIP_CONSTRAINT=/source/constraints.txt PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
COPY . .
RUN python -m venv /opt/ldapflow && /opt/ldapflow/bin/pip install --only-binary=:all: '.[rocksdb]'

FROM python:3.11.13-slim-bookworm
RUN groupadd --gid 10001 ldapflow \
    && useradd --uid 10001 --gid 10001 --no-create-home --shell /usr/sbin/nologin ldapflow \
    # Volumes that are mounted here belong to the user from their first use on.
    && install -d -o ldapflow -g ldapflow -m 700 /var/lib/ldapflow/configuration /var/lib/ldapflow/secrets
COPY --from=build /opt/ldapflow /opt/ldapflow
ENV PATH=/opt/ldapflow/bin:$PATH LDAPFLOW_CONFIG=/etc/ldapflow/ldapflow.yaml PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /tmp
EXPOSE 9108
# Of what runs for long: worker, verifier, auth. Another port of metrics.listen needs another check.
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=4 \
    CMD ["python", "-c", "from http.client import HTTPConnection as C; c = C('127.0.0.1', 9108, timeout=4); c.request('GET', '/healthz'); raise SystemExit(c.getresponse().status != 200)"]
ENTRYPOINT ["ldapflow"]
CMD ["worker"]
