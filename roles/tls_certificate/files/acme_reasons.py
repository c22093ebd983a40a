"""What certbot and a directory say of a failure, in plain words and with what to do. Pure."""

from __future__ import annotations

import datetime
import re

#: Longest part of what certbot said that a reason repeats, in characters.
LONGEST = 400
_PROBLEM = re.compile(
    r"^\s*(?:Domain|Identifier):\s*(?P<name>\S+)\s*\n\s*Type:\s*(?P<type>\S+)\s*\n"
    r"\s*Detail:\s*(?P<detail>.+)$",
    re.MULTILINE,
)
#: What acme_standing_record.py prints.
_RECORD = re.compile(r"^standing record: (.+)$", re.MULTILINE)
_RETRY = re.compile(r"retry after (\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)", re.IGNORECASE)
_GONE = re.compile(
    r"accountDoesNotExist|account does not exist|unable to find account"
    r"|\baccount\b[^;\n]{0,200}\bnot found",
    re.IGNORECASE,
)
#: What was said, by a pattern, and what to do. The first that fits counts.
_ADVICE = (
    (
        r"rateLimited|too many (?:certificates|failed|new orders|registrations|requests|currently)"
        r"|rate ?limit",
        "the directory limits how often it issues; nothing needs to be done but to wait, and to "
        "order less often",
    ),
    (
        r"externalAccountRequired|external account binding",
        "the directory wants an external account binding that it knows: set app_tls.eab as the CA "
        "gave it",
    ),
    (
        r"account is not valid|deactivated|revoked account|has status \"?(?:deactivated|revoked)",
        "the directory has closed the account: remove acme-account.pem beside the certificate on "
        "the first host, and run playbooks/provision.yml, which makes another for all",
    ),
    (
        r"CERTIFICATE_VERIFY_FAILED|certificate verify failed|SSLError",
        "the host does not trust the directory: set app_tls.ca_bundle to the certificates of its "
        "CA",
    ),
    (
        r"profile",
        "the directory does not have that profile: app_tls.profile names one that it has",
    ),
    (
        r"NewConnectionError|Connection refused|Max retries|Name or service not known|timed out"
        r"|Temporary failure|Network is unreachable|ConnectTimeout|ReadTimeout|RemoteDisconnected"
        r"|50[0234] Server Error|HTTP 50[0234]",
        "the host does not reach the directory: see its address in app_tls.directory, the host's "
        "firewall, and HTTPS_PROXY in python_release_uv_environment",
    ),
    (
        r"\bhook\b[^\n]* (?:ran with error code|reported error)",
        "the hook failed: call it on the host as the client's account, with CERTBOT_DOMAIN and "
        "CERTBOT_VALIDATION set",
    ),
    (
        r"\bcaa\b",
        "a CAA record of the domain forbids this CA: add one that allows it, or remove it",
    ),
    (
        r"NXDOMAIN|DNS problem|no valid (?:A|IP)|TXT record|\bdns\b",
        "the CA does not find the record that it needs: see that the name leads to these hosts, or "
        "that the hook writes the TXT record where the CA reads it",
    ),
    (
        r"unauthorized|incorrectResponse|Invalid response|connection|\btimeout\b",
        "the CA asks the name on port 80 and must reach these hosts: see where the name leads, "
        "and that port 80 is open to everybody",
    ),
)


def told(output: str, directory: str) -> str:
    """Return why certbot failed: the CA's own words in one line, and what to do.

    Args:
        output: What certbot printed.
        directory: URL of the directory.
    """
    problems = [
        f"{found['name']}: {found['type']}, {found['detail'].strip()}"
        for found in _PROBLEM.finditer(output)
    ]
    said = "; ".join(dict.fromkeys(problems)) or _said(output)
    said = "".join(char if char.isprintable() else " " for char in said)
    said = said if len(said) <= LONGEST else f"{said[: LONGEST - 3]}..."
    advice = next((todo for fits, todo in _ADVICE if re.search(fits, output, re.I)), "")
    if records := list(dict.fromkeys(_RECORD.findall(output))):
        advice = (
            f"the DNS must have, once and for all: {' and '.join(records)}; "
            "run the same command again when it has"
        )
    return f"{directory} gave no certificate: {said}{advice and f'; {advice}'}"


def account_is_gone(reason: str) -> bool:
    """Return whether the directory does not know the account any more."""
    return bool(_GONE.search(reason))


def retry_after(reason: str) -> float:
    """Return before when the directory does not want to be asked, in Unix time; 0 if not said."""
    found = _RETRY.search(reason)
    if not found:
        return 0.0
    moment = datetime.datetime.fromisoformat(f"{found[1]} {found[2]}+00:00")
    return moment.timestamp()


def _said(output: str) -> str:
    """Return what is no advertisement for help, without the path of a log."""
    lines = [
        line.strip()
        for line in output.splitlines()
        if line.strip()
        and not re.match(
            r"\s*(?:Saving debug log|Ask for help|See the logfile|Requesting a certificate|- - -"
            r"|standing record:|Account registered|Renewing an existing"
            r"|An unexpected error occurred|Traceback|\s+File )",
            line,
        )
    ]
    return " ".join(lines[-3:]) or "it did not say why"
