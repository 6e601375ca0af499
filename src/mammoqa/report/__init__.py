"""Reports of an analysis: JSON, annotated pictures, charts, web pages and PDF.

html(analysis), pdf(analysis)          one analysis
html_index(entries, trends)            an overview of many, with links
pdf_month(unit, analyses)              one unit over a period
as_json(analysis)                      the element of `analyse --json`
"""

from mammoqa.report.as_json import as_json, from_saved, saved
from mammoqa.report.content import Options, Signature
from mammoqa.report.html import html, html_index
from mammoqa.report.overview import Entry
from mammoqa.report.pdf import pdf, pdf_month
from mammoqa.report.trends import Trend, TrendPoint, trends_of

__all__ = [
    "Entry",
    "Options",
    "Signature",
    "Trend",
    "TrendPoint",
    "as_json",
    "from_saved",
    "html",
    "html_index",
    "pdf",
    "pdf_month",
    "saved",
    "trends_of",
]
