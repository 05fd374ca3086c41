"""The documents as a site: `make docs`."""

project = "Plumbline"
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = "Plumbline"
# Links into the source tree lead somewhere in a checkout, not on the site; Grafana's $__ macros are no SQL.
suppress_warnings = ["myst.xref_missing", "misc.highlighting_failure"]
