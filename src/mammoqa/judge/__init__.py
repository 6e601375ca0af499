"""Scores and measurements against criteria: what the rules make of them."""

from mammoqa.judge.acr156 import TOTALS, Artefact, counted_totals, judge_acr156
from mammoqa.judge.acr_ct import acr_ct_notes, judge_acr_ct
from mammoqa.judge.acr_dm import judge_acr_dm
from mammoqa.judge.contrast_detail import judge_thresholds
from mammoqa.judge.measurements import judge_measurements
from mammoqa.judge.referral import refer

__all__ = [
    "TOTALS",
    "Artefact",
    "acr_ct_notes",
    "counted_totals",
    "judge_acr156",
    "judge_acr_ct",
    "judge_acr_dm",
    "judge_measurements",
    "judge_thresholds",
    "refer",
]
