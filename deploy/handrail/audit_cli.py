"""`handrail audit`: for auditors, who trust nobody here, and for whoever runs a witness."""

import typer

from handrail.auditing.drill import drill
from handrail.auditing.export import export
from handrail.auditing.mirror import mirror
from handrail.auditing.monitor import monitor
from handrail.auditing.verify import verify
from handrail.auditing.witness import witness_app

audit_app = typer.Typer(no_args_is_help=True, help="Check the audit log, from outside.")
audit_app.command()(verify)
audit_app.command()(monitor)
audit_app.command()(mirror)
audit_app.command()(export)
audit_app.command()(drill)
audit_app.add_typer(witness_app, name="witness")
