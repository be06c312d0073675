"""Two distributions side by side, without any stream: all measures, both ways."""

from kullback.detector.compare.counts import Comparison, Options, Part
from kullback.detector.compare.gaussians import Gaussian, compare_gaussians
from kullback.detector.compare.histograms import compare_histograms
from kullback.detector.compare.samples import compare_categories, compare_samples

__all__ = [
    "Comparison",
    "Gaussian",
    "Options",
    "Part",
    "compare_categories",
    "compare_gaussians",
    "compare_histograms",
    "compare_samples",
]
