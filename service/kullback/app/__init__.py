"""The composition root: settings become objects, objects become a service. The only place that wires."""

from kullback.app.build import bytes_per_stream
from kullback.app.kernels import compile_kernels
from kullback.app.run import run
from kullback.app.service import Service

__all__ = ["Service", "bytes_per_stream", "compile_kernels", "run"]
