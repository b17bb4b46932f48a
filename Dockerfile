FROM python:3.11-slim AS build
WORKDIR /build
COPY requirements.txt .
RUN python -m venv /venv \
 && /venv/bin/pip install --no-cache-dir --no-deps --require-hashes -r requirements.txt

FROM python:3.11-slim
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    DJANGO_SETTINGS_MODULE=portal.settings.production STATIC_ROOT=/static
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin portal
COPY --from=build /venv /venv
WORKDIR /app
COPY manage.py ./
COPY portal portal
COPY access access
COPY jit jit
COPY links links
COPY docs/roles docs/roles
COPY templates templates
COPY static static
# collectstatic needs settings, not secrets: these values exist in this layer's command only.
RUN SECRET_KEY=$(python -c 'import secrets; print(secrets.token_urlsafe(64))') \
    FIELD_KEYS=$(python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())') \
    ENTRA_TENANT_ID=00000000-0000-4000-8000-000000000000 \
    ENTRA_CLIENT_ID=00000000-0000-4000-8000-000000000000 \
    ALLOWED_HOSTS=none DATABASE_URL=postgres://none REDIS_URL=redis://none \
    python manage.py collectstatic --noinput --verbosity 0
RUN install -d -o portal /var/lib/anchor
USER portal
EXPOSE 8000
CMD ["gunicorn", "--config", "python:portal.serving", "portal.wsgi:application"]
