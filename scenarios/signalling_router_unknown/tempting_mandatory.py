"""As buggy, but ROUTER must not drop (`ROUTER_MANDATORY`).

Looks right: nothing is lost in silence any more. But the worker is not there any sooner: `send`
fails with EHOSTUNREACH, and whoever called it is no wiser about when to try again.
"""


def tell(control, names, messages):
    control.router_mandatory = 1
    for name in names:
        for _ in range(messages):
            control.send_multipart([name, b"go"])


def arrive(socket):
    """A worker that is connected says nothing."""
