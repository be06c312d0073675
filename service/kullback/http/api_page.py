"""`GET /docs`: the API explorer, served from the installed package; no CDN, no inline script."""

from __future__ import annotations

from pathlib import Path

import fastapi_offline
from fastapi import APIRouter
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles

ASSETS = Path(fastapi_offline.__file__).parent / "static"
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Kullback API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/assets/swagger-ui.css">
</head>
<body>
<div id="api"></div>
<script src="docs/assets/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
START = 'SwaggerUIBundle({url: "openapi.json", dom_id: "#api", deepLinking: true});\n'

router = APIRouter(include_in_schema=False)


@router.get("/docs")
async def explorer() -> Response:
    """The page."""
    return HTMLResponse(PAGE)


@router.get("/docs/start.js")
async def start() -> Response:
    """The script that starts it; a file of its own because the page's policy forbids inline scripts."""
    return Response(START, media_type="text/javascript")


def assets() -> StaticFiles:
    """The explorer's style sheet and script."""
    return StaticFiles(directory=ASSETS)
