"""pylinac's reading of the ACR DM phantom, for `mammoqa validate acr_dm`; runs in an environment of its own.

One JSON request per line on standard input: {"path", "dpi", "invert"}; one JSON answer per line on standard output. The
image is one DICOM file with 130 mm of the insert upright; `dpi` is that of the insert's plane, so that pylinac, which
knows no magnification of a mammogram, finds the size that it expects. Settings are pylinac's own.
"""

import json
import sys
import time
import warnings

warnings.simplefilter("ignore")

from pylinac.planar_imaging import ACRDigitalMammography  # noqa: E402


def read(request: dict) -> dict:
    """Scores, and the numbers behind them."""
    wall, processor = time.perf_counter(), time.process_time()
    phantom = ACRDigitalMammography(request["path"], image_kwargs={"dpi": request["dpi"]})
    phantom.analyze(invert=request["invert"])
    found = phantom.results_data()
    took = {"seconds": time.perf_counter() - wall, "processor_s": time.process_time() - processor}
    return took | {
        "fibre": [float(f["score"]) for f in found.fiber_rois],
        "fibre_mm": [float(f["fiber_length"]) for f in found.fiber_rois],
        "fibre_deg": [float(f["fiber_orientation"]) for f in found.fiber_rois],
        "speck_group": [float(g["score"]) for g in found.speck_group_rois],
        "speck_visibility": [[float(s["visibility"]) for s in g["specks"]] for g in found.speck_group_rois],
        "mass": [float(roi.passed_visibility) for roi in phantom.low_contrast_rois],
        "mass_visibility": [float(roi.visibility) for roi in phantom.low_contrast_rois],
        "centre_px": [float(c) for c in found.phantom_center_x_y],
    }


def main() -> None:
    """Answer requests until the input ends."""
    for line in sys.stdin:
        try:
            answer = read(json.loads(line))
        except Exception as error:  # noqa: BLE001  whatever another program raises is part of the result
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
