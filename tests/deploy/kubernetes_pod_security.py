"""The Pod Security Standard "restricted" of Kubernetes, as far as a pod of Linux can break it."""

RESTRICTED_VOLUMES = {
    *("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret")
}
HANDLERS = ("httpGet", "tcpSocket")
PROBES = ("startupProbe", "livenessProbe", "readinessProbe")


def violations(pod):
    """List the rules of the standard that the specification of a pod breaks, and the place of each."""
    yield from (name for name in ("hostNetwork", "hostPID", "hostIPC") if pod.get(name))
    for volume in pod.get("volumes", []):
        yield from (f"volume {kind}" for kind in volume.keys() - {"name"} - RESTRICTED_VOLUMES)
    pod_context = pod.get("securityContext", {})
    yield from (name for name in ("sysctls", "seLinuxOptions", "windowsOptions") if name in pod_context)
    for container in [*pod["containers"], *pod.get("initContainers", [])]:
        yield from violations_of_container(container, pod_context)


def violations_of_container(container, pod_context):
    """List the rules that a container breaks, together with the security context of its pod."""
    own_context = container.get("securityContext", {})
    context = {**pod_context, **own_context}
    capabilities = own_context.get("capabilities", {})
    is_broken = {
        "runAsNonRoot": context.get("runAsNonRoot") is not True,
        "runAsUser": context.get("runAsUser") == 0,
        "seccompProfile": context.get("seccompProfile", {}).get("type") not in {"RuntimeDefault", "Localhost"},
        "appArmorProfile": context.get("appArmorProfile", {}).get("type") == "Unconfined",
        "allowPrivilegeEscalation": own_context.get("allowPrivilegeEscalation") is not False,
        "privileged": own_context.get("privileged", False),
        "procMount": own_context.get("procMount", "Default") != "Default",
        "seLinuxOptions": "seLinuxOptions" in own_context,
        "windowsOptions": "windowsOptions" in own_context,
        "capabilities drop": "ALL" not in capabilities.get("drop", []),
        "capabilities add": bool(set(capabilities.get("add", [])) - {"NET_BIND_SERVICE"}),
        "hostPort": any("hostPort" in port for port in container.get("ports", [])),
        "host of a probe": any("host" in handler for handler in handlers(container)),
    }
    yield from (name for name, broken in is_broken.items() if broken)


def handlers(container):
    """List the handlers of the probes and of the lifecycle that may name a host."""
    hooks = [container.get(probe, {}) for probe in PROBES] + list(container.get("lifecycle", {}).values())
    return [hook[name] for hook in hooks for name in HANDLERS if name in hook]
