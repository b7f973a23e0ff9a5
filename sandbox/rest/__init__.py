"""Discord's REST API, version 10; each module has the endpoints of one resource."""
