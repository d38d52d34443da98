# One image for every process: web (the default command), worker, beat, relay, migrate.

# --- The virtual environment: wheels only, each checked against its hash ---------------------------------------
FROM python:3.11-slim-bookworm AS packages

WORKDIR /build
COPY requirements.txt ./
RUN python -m venv --without-pip /opt/venv \
    && pip --python /opt/venv/bin/python install --no-cache-dir --disable-pip-version-check --no-deps \
        --require-hashes --only-binary :all: -r requirements.txt

# --- The code, its static files collected ----------------------------------------------------------------------
FROM python:3.11-slim-bookworm AS code

ENV PATH=/opt/venv/bin:$PATH
COPY --from=packages /opt/venv /opt/venv
WORKDIR /app
COPY . ./
# Settings for this one command: the names lead nowhere, and the secret is thrown away with the shell.
RUN ENVIRONMENT=production \
    SECRET_KEY="$(python -c 'import secrets; print(secrets.token_hex(32))')" \
    ALLOWED_HOSTS=build.invalid \
    PUBLIC_BASE_URL=https://build.invalid \
    DATABASE_URL=postgres://build.invalid/build \
    REDIS_URL=redis://build.invalid/0 \
    PAYMENT_PROVIDERS='' \
    python manage.py collectstatic --noinput \
    && python -m compileall -q .

# --- What runs -------------------------------------------------------------------------------------------------
FROM python:3.11-slim-bookworm

LABEL org.opencontainers.image.title="ByteMtaani" \
    org.opencontainers.image.description="Commerce backend for Kenyan shops" \
    org.opencontainers.image.licenses="MIT"

ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONFAULTHANDLER=1 \
    HOME=/tmp \
    PORT=8000

COPY --from=packages /opt/venv /opt/venv
COPY --from=code /app /app
WORKDIR /app

# The code belongs to root; the shop may write uploads and nothing else.
RUN groupadd --gid 10001 shop \
    && useradd --uid 10001 --gid shop --no-create-home --home-dir /tmp --shell /usr/sbin/nologin shop \
    && install -d -o shop -g shop /app/media
USER 10001:10001

EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "/app/deploy/healthcheck.py"]
CMD ["sh", "/app/deploy/web.sh"]
