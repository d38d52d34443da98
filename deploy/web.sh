#!/bin/sh
# Start the web process: gunicorn on $PORT. `sh deploy/web.sh`
set -eu

# Heartbeat files belong in memory: on a busy disk they can stall a worker into its time-out.
if [ -d /dev/shm ] && [ -w /dev/shm ]; then
    heartbeat_dir=/dev/shm
else
    heartbeat_dir=${TMPDIR:-/tmp}
fi

# gunicorn.conf.py has what does not depend on the place. Each thread may hold a database connection; the streams of
# a process hold three together.
exec gunicorn ecommerce.wsgi:application \
    --bind "0.0.0.0:${PORT:-8000}" \
    --workers "${WEB_CONCURRENCY:-2}" \
    --threads "${WEB_THREADS:-4}" \
    --timeout 30 \
    --graceful-timeout 25 \
    --max-requests 5000 \
    --max-requests-jitter 1000 \
    --worker-tmp-dir "$heartbeat_dir"
