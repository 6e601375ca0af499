"""The pages, one module per part of the work."""

from mammoqa.service.pages.account import ROUTER as ACCOUNT
from mammoqa.service.pages.administration import ROUTER as ADMINISTRATION
from mammoqa.service.pages.alerts import ROUTER as ALERTS
from mammoqa.service.pages.analysis import ROUTER as ANALYSIS
from mammoqa.service.pages.fleet import ROUTER as FLEET
from mammoqa.service.pages.programme import ROUTER as PROGRAMME
from mammoqa.service.pages.queue import ROUTER as QUEUE
from mammoqa.service.pages.reports import ROUTER as REPORTS
from mammoqa.service.pages.sign_in import ROUTER as SIGN_IN
from mammoqa.service.pages.unit import ROUTER as UNIT
from mammoqa.service.pages.viewer import ROUTER as VIEWER

ROUTERS = (
    SIGN_IN,
    FLEET,
    UNIT,
    REPORTS,
    ANALYSIS,
    VIEWER,
    QUEUE,
    ALERTS,
    PROGRAMME,
    ADMINISTRATION,
    ACCOUNT,
)
