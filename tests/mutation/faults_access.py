"""Faults of the access level: what is a scheduling point, and what it is said to touch."""

from __future__ import annotations

from tests.mutation.fault import Fault

FAULTS = (
    Fault(
        "assigning to an item has no gate",
        "engine/instrument.py",
        '    "STORE_SUBSCR": ("item", "write", 2, access_item),\n',
        "",
        "an update of a dictionary is one step, so it is never lost",
        ("engine/test_access.py::test_each_access_is_a_point_before_it_happens",),
    ),
    Fault(
        "the gate of a variable comes after its access",
        "engine/instrument.py",
        "            elif not calls.keeps(at):\n"
        "                out.extend(_gate_before(item, code, scope, stored))\n"
        "            out.extend(calls.behind(at, item))\n        out.append(item)",
        "            else:\n                gate = _gate_before(item, code, scope, stored)\n"
        "                if item.name in (*_CELLS, *_GLOBALS) and gate:\n"
        "                    out.extend([item, *gate])\n                    continue\n"
        "                out.extend(gate)\n"
        "            out.extend(calls.behind(at, item))\n        out.append(item)",
        "a global is stored before anybody could load it",
        (
            "engine/test_access.py::test_a_variable_is_as_it_was_while_a_task_stands_before_its_access",
        ),
    ),
    Fault(
        "iteration has a gate at its begin only",
        "engine/instrument.py",
        '    "FOR_ITER": ("step", "read", 1, step),\n',
        "",
        "nobody changes a container while it is gone through",
        ("engine/test_access.py::test_iteration_has_a_point_before_every_item",),
    ),
    Fault(
        "reads are no points",
        "engine/access.py",
        "    task.pending = (site.label, target, site)\n",
        "    if site.reads:\n        return\n    task.pending = (site.label, target, site)\n",
        "nobody comes between a check and the read behind it",
        ("engine/test_access.py::test_each_access_is_a_point_before_it_happens",),
    ),
    Fault(
        "writes are called reads",
        "engine/access.py",
        'self.reads = verb == "read"',
        "self.reads = True",
        "the reduction thinks that writes commute",
        (
            "engine/strategies/test_dpor.py::test_nothing_shared_is_one_class_and_everything_shared_is_all_of_them",
        ),
    ),
    Fault(
        "slots are no data",
        "engine/access.py",
        'return made_as != "method_descriptor"',
        'return made_as not in ("method_descriptor", "member_descriptor")',
        "a race of two slots is never found",
        ("engine/test_access.py::test_each_access_is_a_point_before_it_happens",),
    ),
)
