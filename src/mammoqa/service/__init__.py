"""The QA service: a DICOM receiver, durable queues, workers, web pages and REST.

`mammoqa serve` runs its parts as processes of their own: `web`, `receiver` and `worker`.
"""
