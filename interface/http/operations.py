"""What the machine asks, without a key: is the service alive, is it ready, how does it do."""

import psycopg
import structlog
from flask import Blueprint, Response
from prometheus_client import REGISTRY
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from application.ledgers import Ledgers
from interface.http.messages import json_answer
from interface.http.routes import respond

log = structlog.get_logger("interface.http")


def operations_routes(ledgers: Ledgers) -> Blueprint:
    """Returns the blueprint of `/health/...` and `/metrics`."""
    blueprint = Blueprint("operations", __name__)

    @blueprint.get("/health/live")
    def live() -> Response:
        return respond(json_answer(200, {"status": "ok"}))

    @blueprint.get("/health/ready")
    def ready() -> Response:
        return respond(json_answer(200, {"status": "ok", **ledgers.health()}))

    @blueprint.get("/metrics")
    def metrics() -> Response:
        try:
            ledgers.health()  # measures the oldest snapshot
        except psycopg.Error as error:
            log.warning("snapshot_age_unknown", error=str(error))
        return Response(generate_latest(REGISTRY), content_type=CONTENT_TYPE_LATEST)

    return blueprint
