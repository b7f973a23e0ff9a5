"""Discord's REST API, version 10. Each module has the endpoints of one resource."""
