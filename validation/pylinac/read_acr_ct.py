"""Asks pylinac about stacks of the ACR CT phantom: one folder a line in, one JSON object a line out."""

import json
import sys
import warnings

warnings.simplefilter("ignore")

from pylinac import ACRCT  # noqa: E402


def read(folder: str) -> dict[str, object]:
    """What pylinac measures, and in which slice and where it measures it."""
    phantom = ACRCT(folder)
    phantom.analyze()
    low, even, bars = phantom.low_contrast_module, phantom.uniformity_module, phantom.spatial_resolution_module
    modules = {"materials": phantom.ct_calibration_module, "low contrast": low, "uniformity": even, "bars": bars}
    return {
        "roll_deg": float(phantom.catphan_roll),
        "modules": {
            name: {
                "slice": int(module.slice_num),
                "centre_px": [float(module.phan_center.x), float(module.phan_center.y)],
                "regions": {
                    key: {"value": float(roi.mean), "x": float(roi.center.x), "y": float(roi.center.y)}
                    for key, roi in module.rois.items()
                },
            }
            for name, module in modules.items()
        },
        "cnr": float(low.cnr()),
        "background_px": [
            float(low.background_rois["ROI"].center.x),
            float(low.background_rois["ROI"].center.y),
        ],
        "noise": float(even.rois["Center"].std),
        "bead_distance_mm": float(even.bb_distance_mm),
        "relative_mtf": {str(k): float(v) for k, v in bars.mtf.norm_mtfs.items()},
    }


def main() -> None:
    """Answer requests until the input ends."""
    for line in sys.stdin:
        try:
            found = read(line.strip())
        except Exception as error:  # noqa: BLE001  whatever another program raises is part of the result
            found = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
