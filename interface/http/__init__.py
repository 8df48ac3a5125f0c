"""The HTTP door, version 1 of the contract: schemas, routes, problems, OpenAPI."""
