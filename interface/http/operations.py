"""What the machine asks, without a key: is the service alive, is it ready, how does it do."""

import psycopg
import structlog
from flask import Blueprint, Response
from prometheus_client import REGISTRY
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from application.ledgers import Ledgers
from interface.http.messages import json_answer
from interface.http.routes import respond
from interface.http.standing import measure_views, stopped_views

log = structlog.get_logger("interface.http")


def operations_routes(ledgers: Ledgers) -> Blueprint:
    """Returns the blueprint of `/health/...` and `/metrics`."""
    blueprint = Blueprint("operations", __name__)

    @blueprint.get("/health/live")
    def live() -> Response:
        return respond(json_answer(200, {"status": "ok"}))

    @blueprint.get("/health/ready")
    def ready() -> Response:
        health = ledgers.health()
        # A view that stands still stops nobody who posts: the service stays ready.
        views = stopped_views(ledgers)
        return respond(json_answer(200, {"status": "ok", **health, "stopped_views": views}))

    @blueprint.get("/metrics")
    def metrics() -> Response:
        try:
            ledgers.health()  # measures the oldest snapshot
            measure_views(ledgers)
        except psycopg.Error as error:
            log.warning("database_not_measured", error=str(error))
        return Response(generate_latest(REGISTRY), content_type=CONTENT_TYPE_LATEST)

    return blueprint
