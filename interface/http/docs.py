"""The contract, browsable: Swagger UI and what it shows, all served from here."""

import threading
from collections.abc import Callable
from mimetypes import guess_type
from typing import Any

import msgspec
import swagger_ui_bundle
from flask import Blueprint, Response, abort

from interface.http.admission import PREFIX
from interface.http.messages import JSON

DOCUMENT_VERSION = "3.1.0"
SHOWN_VERSION = "3.0.3"
"""The newest that the bundled Swagger UI (4) shows; made from the same schemas."""

ASSETS = (
    "swagger-ui.css",
    "swagger-ui-bundle.js",
    "swagger-ui-standalone-preset.js",
    "favicon-32x32.png",
)
SAFE = {
    "Content-Security-Policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:",
    "X-Content-Type-Options": "nosniff",
}

PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>backoffice-ledger</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
<link rel="icon" type="image/png" href="/docs/favicon-32x32.png">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/swagger-ui-standalone-preset.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""

START = """\
window.ui = SwaggerUIBundle({
  url: "/docs/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  presets: [SwaggerUIBundle.presets.apis],
});
"""

Document = Callable[..., dict[str, Any]]


class Documents:
    """The OpenAPI documents, made when somebody first asks: that takes half a second."""

    def __init__(self, make: Document) -> None:
        self._make = make
        self._made: dict[str, bytes] = {}
        self._making = threading.Lock()

    def get(self, openapi_version: str) -> bytes:
        """Returns the document in JSON."""
        with self._making:
            if openapi_version not in self._made:
                document = self._make(openapi_version=openapi_version)
                self._made[openapi_version] = msgspec.json.encode(document)
            return self._made[openapi_version]


def docs_routes(documents: Documents) -> Blueprint:
    """Returns the blueprint of `/docs`, its assets and the OpenAPI document."""
    blueprint = Blueprint("docs", __name__)

    @blueprint.get(f"{PREFIX}/openapi.json")
    def openapi() -> Response:
        return Response(documents.get(DOCUMENT_VERSION), content_type=JSON)

    @blueprint.get("/docs/openapi.json")
    def shown() -> Response:
        return Response(documents.get(SHOWN_VERSION), content_type=JSON)

    @blueprint.get("/docs")
    def page() -> Response:
        return Response(PAGE, content_type="text/html; charset=utf-8", headers=SAFE)

    @blueprint.get("/docs/start.js")
    def start() -> Response:
        return Response(START, content_type="text/javascript; charset=utf-8", headers=SAFE)

    @blueprint.get("/docs/<asset>")
    def asset(asset: str) -> Response:
        if asset not in ASSETS:
            abort(404)
        kind, _ = guess_type(asset)
        content = (swagger_ui_bundle.swagger_ui_path / asset).read_bytes()
        return Response(content, content_type=kind, headers=SAFE)

    return blueprint
