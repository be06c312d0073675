from kullback.core.labels import Kind
from kullback.ingest import warmup
from kullback.ingest.influx import InfluxDecoder
from kullback.ingest.otlp import OtlpDecoder
from kullback.ingest.remote_write import RemoteWriteDecoder
from kullback.ingest.remote_write2 import RemoteWrite2Decoder
from kullback.ingest.warmup import LINE, OTLP, WRITE_1, WRITE_2


def test_warming_up_reads_every_kind_of_sample() -> None:
    warmup()
    bodies = {
        RemoteWriteDecoder: WRITE_1,
        RemoteWrite2Decoder: WRITE_2,
        OtlpDecoder: OTLP,
        InfluxDecoder: LINE,
    }
    kinds = {}
    for decoder, body in bodies.items():
        decoded = decoder().decode(body, 0)
        assert decoded.refusals == ()
        kinds[decoder.__name__] = [series.kind for series in decoded.batch.series]
    assert kinds == {
        "RemoteWriteDecoder": [Kind.GAUGE, Kind.HISTOGRAM],
        "RemoteWrite2Decoder": [Kind.COUNTER],
        "OtlpDecoder": [Kind.GAUGE, Kind.HISTOGRAM, Kind.HISTOGRAM],
        "InfluxDecoder": [Kind.GAUGE],
    }
