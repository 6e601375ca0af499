"""Image + Phantom + Pose (+ model) -> scores and measurements, one file per kind of reading."""
