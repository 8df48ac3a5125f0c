"""The applications: routes under Flask, every exception a problem, every exchange noted."""

from functools import partial

from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException, NotFound

from application.ledgers import Ledgers
from interface.http.admission import OPEN_PATHS, PREFIX
from interface.http.docs import Documents, docs_routes
from interface.http.door import Door, HttpSettings
from interface.http.exchanges import Exchange, Exchanges
from interface.http.failures import problem_of
from interface.http.front import Front
from interface.http.log import OPEN_METHODS, is_open_log
from interface.http.messages import problem_answer
from interface.http.openapi import contract
from interface.http.operations import operations_routes
from interface.http.routes import contract_routes, respond


def create_front(ledgers: Ledgers, settings: HttpSettings) -> Front:
    """Returns the RSGI application. Requires that the ledgers are open."""
    door, exchanges = Door(ledgers, settings), Exchanges()
    return Front(_create(door, exchanges), door, exchanges, threads=settings.threads)


def create_app(ledgers: Ledgers, settings: HttpSettings) -> Flask:
    """Returns the WSGI application, which answers everything. Requires open ledgers."""
    return _create(Door(ledgers, settings), Exchanges())


def _create(door: Door, exchanges: Exchanges) -> Flask:
    app = Flask("interface.http", static_folder=None)
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.url_map.merge_slashes = False

    @app.before_request
    def admit() -> None:
        g.exchange = exchange = Exchange(request.environ)
        if request.url_rule is not None:
            exchange.route = request.url_rule.rule
        path = request.environ["PATH_INFO"]
        # The router takes `//v1` for `/v1`; whoever looks at the path for a key would not.
        if path.startswith("//"):
            raise NotFound
        if needs_key(path) and not (request.method in OPEN_METHODS and is_open_log(path)):
            key = door.admission.check_key(request.environ)
            exchange.guest = g.guest = door.admission.holder(key)
            door.admission.check_welcome(key, request.environ)

    @app.after_request
    def note(response: Response) -> Response:
        exchange = g.exchange
        response.headers["X-Request-Id"] = exchange.request_id
        exchanges.ended(exchange, response.status_code)
        return response

    def answer_problem(error: Exception) -> Response:
        exchange: Exchange = g.exchange
        problem = problem_of(error, request_id=exchange.request_id)
        return respond(problem_answer(problem))

    routes = contract_routes(door)
    app.register_blueprint(routes)
    app.register_blueprint(docs_routes(Documents(partial(contract, app, routes))))
    app.register_blueprint(operations_routes(door.ledgers))
    app.register_error_handler(HTTPException, answer_problem)
    app.register_error_handler(Exception, answer_problem)
    return app


def needs_key(path: str) -> bool:
    """True for everything under the contract's prefix but its document."""
    return (path == PREFIX or path.startswith(f"{PREFIX}/")) and path not in OPEN_PATHS
