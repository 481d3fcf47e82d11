"""From a film to what the model was trained on: percentile window, area-average resize, mean and standard deviation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from service.domain import Image
from service.gateway.resize import area_average
from service.gateway.sample import percentile
from service.models.manifest import Preprocessing


def preprocess(image: Image, preprocessing: Preprocessing) -> NDArray[np.float32]:
    """Input of the model, float32 [1, rows, columns].

    The percentiles of the film become 0 and 1 (values beyond are held there), so that exposure and bit depth drop out;
    then area averages, then (x - mean) / std. A film of one value becomes all zeros before the last step.
    """
    low, high = percentile(image.sample, preprocessing.low_percentile), percentile(image.sample, preprocessing.high_percentile)
    if high <= low:
        windowed = np.zeros((preprocessing.rows, preprocessing.columns), np.float32)
    else:
        averages = area_average(image.raster, preprocessing.rows, preprocessing.columns, within=(low, high))
        windowed = (averages - np.float32(low)) / np.float32(high - low)
    scaled = (windowed - np.float32(preprocessing.mean)) / np.float32(preprocessing.std)
    return np.ascontiguousarray(scaled[None], np.float32)
