"""Every fault that the control unit can be told to have."""

from simulator.faults import FaultKind
from simulator.transport import write_faults

SALE = "etims.sale"

ETIMS_FAULTS: tuple[FaultKind, ...] = (
    *write_faults(SALE),
    FaultKind("etims_sale_code", SALE, "nothing is done, resultCd is this", {"code": "999"}),
    FaultKind("etims_sale_unsigned", SALE, "it is taken, and resultCd is 000, but data is null"),
    FaultKind("etims_sale_bare_repeat", SALE, "a number that is known is told so without its receipt"),
)
