# One image; what a container does is its command: web (below), `celery … worker`, `celery … beat`, `python manage.py …`.
FROM python:3.12-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
COPY requirements.txt constraints.txt /build/
RUN pip install -r /build/requirements.txt
WORKDIR /srv/app
COPY manage.py ./
COPY clinic clinic
COPY protocols protocols
COPY sessions sessions
RUN python -m clinic.catalogs
# Names of static files carry a hash of their content, so they are made once, here. Test mode asks for no secret, but
# does not hash; the demo's settings do.
RUN CLINIC_MODE=demo STATIC_ROOT=/srv/static python manage.py collectstatic --no-input

FROM python:3.12-slim
LABEL org.opencontainers.image.licenses=Apache-2.0
RUN groupadd --system --gid 10001 clinic \
    && useradd --system --uid 10001 --gid clinic --no-create-home --shell /usr/sbin/nologin clinic
COPY --from=build /opt/venv /opt/venv
COPY --from=build /srv/app /srv/app
COPY --from=build /srv/static /srv/static
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    CLINIC_MODE=production STATIC_ROOT=/srv/static DJANGO_SETTINGS_MODULE=clinic.settings
WORKDIR /srv/app
USER clinic
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=4 \
    CMD ["python", "-m", "clinic.web.probe"]
CMD ["granian", "--interface", "wsgi", "--host", "0.0.0.0", "--port", "8000", "--workers", "2", "--blocking-threads", "8", "--respawn-failed-workers", "--no-access-log", "clinic.wsgi:application"]
