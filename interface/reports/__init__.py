"""Reports as people and programs take them: JSON, CSV, sheets, pages, and tables on a terminal."""
