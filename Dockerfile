# The dependencies, at the exact versions and hashes of the serving lock. EXTRA=tracing adds the exporter of traces.
FROM python:3.13-slim AS dependencies
ARG EXTRA=
COPY requirements/serve.txt requirements/tracing.txt /tmp/
RUN python -m venv /venv \
 && for lock in serve $EXTRA; do \
      /venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes --only-binary :all: -r "/tmp/$lock.txt" \
      || exit 1; \
    done \
 && /venv/bin/pip uninstall --yes --quiet pip

# The service: the environment, the model and the application. No training, no scikit-learn.
FROM python:3.13-slim
ENV PATH=/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    DIGITS_HOST=0.0.0.0
RUN useradd --system --uid 10001 --no-create-home digits
COPY --from=dependencies /venv /venv
WORKDIR /srv
COPY model/ model/
COPY app/ app/
RUN python -m compileall -q model app
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --start-interval=1s \
    CMD ["python", "-c", "import http.client, sys; c = http.client.HTTPConnection('127.0.0.1', 8000, timeout=2); c.request('GET', '/readyz'); sys.exit(c.getresponse().status != 200)"]
CMD ["python", "-m", "app"]
