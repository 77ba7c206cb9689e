"""An HTTP response for asyncio that is written in corks, tells of back-pressure, and may abort."""

from pytest_racecheck.corkio.response import Misuse, Response
from pytest_racecheck.corkio.server import serving
from pytest_racecheck.corkio.ways import WAYS

__all__ = ["WAYS", "Misuse", "Response", "serving"]
