"""Statistics: ROC and agreement, classification, the clustered bootstrap, calibration, sums of object scores.

Import the module that has what is needed (`from mammoqa.stats.roc import auc`); scipy is loaded then, not before.
"""
