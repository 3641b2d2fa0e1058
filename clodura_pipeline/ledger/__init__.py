"""The ledger: the transactional database that every call passes through, before and after. All SQL on it is here."""

from clodura_pipeline.ledger.attempts import Decision as Decision
from clodura_pipeline.ledger.attempts import Permit as Permit
from clodura_pipeline.ledger.balance_readings import BalanceReading as BalanceReading
from clodura_pipeline.ledger.balance_readings import StartedReading as StartedReading
from clodura_pipeline.ledger.budget import Totals as Totals
from clodura_pipeline.ledger.budget import Wait as Wait
from clodura_pipeline.ledger.engines.database import Address as Address
from clodura_pipeline.ledger.engines.database import CanonicalForm as CanonicalForm
from clodura_pipeline.ledger.engines.database import LedgerError as LedgerError
from clodura_pipeline.ledger.engines.database import LedgerUnavailable as LedgerUnavailable
from clodura_pipeline.ledger.engines.database import LedgerUnreachable as LedgerUnreachable
from clodura_pipeline.ledger.engines.database import LedgerUrl as LedgerUrl
from clodura_pipeline.ledger.engines.database import exists as exists
from clodura_pipeline.ledger.engines.schema import FILE_NAME as FILE_NAME
from clodura_pipeline.ledger.erased_people import ErasedPeople as ErasedPeople
from clodura_pipeline.ledger.erased_people import ErasureCounts as ErasureCounts
from clodura_pipeline.ledger.ledger import Ledger as Ledger
from clodura_pipeline.ledger.maintenance.retention import Removed as Removed
from clodura_pipeline.ledger.maintenance.retention import Retention as Retention
