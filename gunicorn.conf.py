"""What every gunicorn of the shop keeps to; addresses and sizes come from the command line."""

# A search of 10 kB shall be refused by the shop, in its own error shape. nginx has its own, lower limit.
limit_request_line = 16_380
control_socket_disable = True
# Longer than nginx and clients keep an idle connection: the default of 2 s closes it just as the next request comes.
keepalive = 75
