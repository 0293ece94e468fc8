"""The operations of the service, as the OpenAPI document must list them."""

# (method, template of the route)
OPERATIONS = {
    ("POST", "/predict"),
    ("POST", "/predict/batch"),
    ("POST", "/predict/picture"),
    ("GET", "/metrics"),
    ("GET", "/livez"),
    ("GET", "/readyz"),
    ("GET", "/v2"),
    ("GET", "/v2/health/live"),
    ("GET", "/v2/health/ready"),
    ("GET", "/v2/models"),
    ("GET", "/v2/models/stats"),
    ("POST", "/v2/repository/index"),
    *(
        (method, f"/v2/models/{{name}}{version}{path}")
        for version in ("", "/versions/{version}")
        for method, path in (*(("GET", path) for path in ("", "/ready", "/config", "/stats")), ("POST", "/infer"))
    ),
}
