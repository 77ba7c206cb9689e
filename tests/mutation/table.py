"""All seeded faults, and the sources that they are seeded into."""

from __future__ import annotations

from tests.mutation import (
    faults_access,
    faults_diagnosis,
    faults_engine,
    faults_reduction,
    faults_strategies,
)

FAULTS = {
    fault.name: fault
    for room in (
        faults_engine,
        faults_access,
        faults_reduction,
        faults_strategies,
        faults_diagnosis,
    )
    for fault in room.FAULTS
}
