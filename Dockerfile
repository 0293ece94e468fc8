# The dependencies, at the exact versions and hashes of the serving lock. EXTRA=tracing adds the exporter of traces.
FROM python:3.13-slim AS dependencies
ARG EXTRA=
COPY requirements/serve.txt requirements/tracing.txt /tmp/
RUN python -m venv --without-pip /venv \
 && for lock in serve $EXTRA; do \
      pip --python /venv install --no-cache-dir --disable-pip-version-check --require-hashes --only-binary :all: -r "/tmp/$lock.txt" \
      || exit 1; \
    done

# The service: the environment, the model and the application. No training, no scikit-learn.
FROM python:3.13-slim
ENV PATH=/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    DIGITS_HOST=0.0.0.0
# The service installs nothing, so the base image loses pip, and the copy of pip in ensurepip.
RUN rm -r /usr/local/bin/pip* /usr/local/lib/python3.*/ensurepip /usr/local/lib/python3.*/site-packages/pip*
COPY --from=dependencies /venv /venv
WORKDIR /srv
COPY model/ model/
COPY app/ app/
RUN python -m compileall -q model app
# The files belong to root, and the user needs no name.
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --start-interval=1s \
    CMD ["python", "-m", "app.process.health_check"]
CMD ["python", "-m", "app"]
