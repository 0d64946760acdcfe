# tagger as a server, without PyTorch. docs/guides/deploy.md says how to build and run it.
ARG PYTHON=3.13

FROM python:${PYTHON}-slim AS build
WORKDIR /src
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
# The debugging symbols of uvloop are a tenth of all that is installed; strip takes them out.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends binutils && rm -rf /var/lib/apt/lists/*
COPY deploy/requirements.lock deploy/build.lock deploy/
RUN pip install --require-hashes --only-binary :all: -r deploy/build.lock \
    && python -m venv --without-pip /opt/tagger \
    && pip --python /opt/tagger/bin/python install --require-hashes --only-binary :all: --no-compile \
        -r deploy/requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY tagger tagger
COPY deploy/prune deploy/
RUN pip wheel --no-deps --no-build-isolation --wheel-dir dist . \
    && pip --python /opt/tagger/bin/python install --no-deps --no-compile dist/*.whl \
    && deploy/prune /opt/tagger \
    && /opt/tagger/bin/tagger serve --help > /dev/null

FROM python:${PYTHON}-slim
LABEL org.opencontainers.image.title="tagger" \
      org.opencontainers.image.description="BiLSTM-CRF sequence labelling, served over HTTP; without PyTorch" \
      org.opencontainers.image.licenses="MIT"
COPY --from=build /opt/tagger /opt/tagger
ENV PATH=/opt/tagger/bin:$PATH PYTHONDONTWRITEBYTECODE=1
# A number, so that Kubernetes sees that it isn't root; nobody of that number has to exist.
USER 10001:10001
WORKDIR /models
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
    CMD ["python", "-I", "-c", "import http.client, sys; c = http.client.HTTPConnection('127.0.0.1', 8080, timeout=4); c.request('GET', '/health'); sys.exit(c.getresponse().status != 200)"]
ENTRYPOINT ["tagger"]
CMD ["serve", "/models/model", "--host", "0.0.0.0", "--log-format", "json"]
