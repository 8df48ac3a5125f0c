"""The command line on a test's database, in this process."""

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from interface.cli.main import main
from tests.conftest import Database


class Terminal:
    def __init__(self, database: Database, directory: Path) -> None:
        self._environment = {
            "DATABASE_URL": database.service,
            "BACKOFFICE_OWNER_DATABASE_URL": database.owner,
            "BACKOFFICE_DATA_DIR": str(directory / "var"),
        }

    def run(self, *arguments: str, status: int = 0) -> Result:
        done = CliRunner().invoke(main, arguments, env=self._environment)
        assert done.exit_code == status, done.output
        return done

    def json(self, *arguments: str, status: int = 0) -> Any:
        return json.loads(self.run(*arguments, "--json", status=status).stdout)
