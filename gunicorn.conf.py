"""What every gunicorn of the shop keeps to; addresses and sizes come from the command line."""

import resource

# Threads for requests, an event loop for streams (docs/decisions/0007-serving.md).
worker_class = "ecommerce.serving.Worker"
# The longest that gunicorn takes. Beyond it our worker refuses in the shop's error shape. nginx has its own limit.
limit_request_line = 8190
control_socket_disable = True
# Longer than nginx and clients keep an idle connection: the default of 2 s closes it just as the next request comes.
keepalive = 75

# Each stream is an open file for minutes, and many systems allow 1024 to whoever does not ask for more.
_, _most = resource.getrlimit(resource.RLIMIT_NOFILE)
_wanted = 16_384 if _most == resource.RLIM_INFINITY else min(16_384, _most)
resource.setrlimit(resource.RLIMIT_NOFILE, (max(_wanted, resource.getrlimit(resource.RLIMIT_NOFILE)[0]), _most))
