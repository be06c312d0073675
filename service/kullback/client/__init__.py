"""A small typed client of Kullback's HTTP interface; imports nothing of the service.

>>> from kullback.client import Client
>>> client = Client("http://localhost:9797")  # doctest: +SKIP
>>> client.ingest("queue_seconds", 0.12, {"queue": "mail"})  # doctest: +SKIP
"""

from kullback.client.asgi import WatchMiddleware
from kullback.client.calls import ApiError
from kullback.client.client import AsyncClient, Client
from kullback.client.logs import MetricsHandler
from kullback.client.sender import Sender

__all__ = ["ApiError", "AsyncClient", "Client", "MetricsHandler", "Sender", "WatchMiddleware"]
