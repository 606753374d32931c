"""The errors of the service, as one tree: why a request, an answer or a start is refused.

ServiceError
├── RefusedError                     wire/refusal.py: a request that is not answered with cards
│   ├── UnknownCallerRefusedError
│   ├── ForbiddenRefusedError
│   ├── TooLargeRefusedError
│   ├── MediaTypeRefusedError
│   ├── MissingDataRefusedError
│   ├── OtherPatientRefusedError
│   ├── StoreAwayRefusedError
│   ├── ModesAwayRefusedError
│   ├── ReportTokenRefusedError
│   ├── ReportAwayRefusedError
│   └── FeedbackAwayRefusedError
├── AnswerError                      fhir/transport.py: an answer over HTTP that cannot be used
├── UnresolvedError                  fhir/resolver.py: a name that leads to no server
├── StartError                       something that prevents the start of the service
│   ├── RefusedSettingsError         settings.py
│   ├── AddressInUseError            server.py
│   ├── FewFilesError                server.py
│   ├── StoreFailedError             store/database.py
│   ├── HashKeyError                 store/hashing.py
│   ├── RefusedSignoffError          signoff/records.py
│   └── NotStartedError              command/demo.py
├── RefusedTokenError                trust/token.py: a token that proves nothing
├── CallError                        command/calling.py: a request that cannot be signed or is not answered
├── StoreAwayError                   store/database.py: a database that does not answer
│   └── StoreRefusedError            a database that does not accept what it is given
├── ReportFailedError                reporting/keeping.py: a report that could not be made
├── PlotsMissingError                reporting/plots.py: the plotting package is not installed
├── NoSourceError                    signoff/definitions.py: a rule whose source is missing
├── LoadError                        command/loading.py: a FHIR server that does not accept the examples
├── BacktestError                    backtest/errors.py: an export that cannot be read, or rows not written
├── StoreError                       simulator/fhir_store.py: what the simulator's FHIR server did not do
└── UnknownExampleError              examples.py
"""

from __future__ import annotations


class ServiceError(Exception):
    """Something was refused; the message says why and contains nothing from a patient's record."""


class StartError(ServiceError):
    """The service cannot start; the message says why."""
