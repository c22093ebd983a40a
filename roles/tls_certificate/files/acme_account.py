"""Registers a key that is already there as an account, and leaves it where certbot looks for one.

Run by the interpreter of certbot's environment: account.py DIRECTORY KEY CONFIG_DIR CONTACT.
certbot itself makes a new key for each account. The machines of a fleet share one, from which
they answer challenges, also before a directory has been asked.
"""

from __future__ import annotations

import json
import os
import sys
from urllib.parse import urlsplit

import josepy
import requests
from acme import client, errors, messages
from certbot._internal.account import Account


def main(url: str, key_path: str, folder: str, contact: str) -> int:
    """Register the account, or find it at the directory."""
    with open(key_path, "rb") as file:
        key = josepy.JWK.load(file.read())
    try:
        resource = registered(url, key, contact)
    except (errors.Error, messages.Error, requests.exceptions.RequestException) as error:
        raise SystemExit(str(error)) from error
    save(Account(resource, key), url, folder)
    return 0


def registered(url: str, key: josepy.JWK, contact: str) -> messages.RegistrationResource:
    """Return the account, which is new or was there."""
    net = client.ClientNetwork(key, alg=josepy.ES256, user_agent="asgi-fleet certbot")
    directory = client.ClientV2.get_directory(url, net)
    acme = client.ClientV2(directory, net)
    try:
        return acme.new_account(registration(acme, key, contact))
    except errors.ConflictError as error:
        # Another machine of the fleet has registered it.
        return messages.RegistrationResource(body=messages.Registration(), uri=error.location)


def registration(acme: client.ClientV2, key: josepy.JWK, contact: str) -> messages.NewRegistration:
    """Return what the directory is told, with the external account binding if there is one."""
    binding = None
    try:
        with open(os.path.join(os.environ["CREDENTIALS_DIRECTORY"], "secrets")) as file:
            eab = json.load(file).get("eab")
    except (KeyError, FileNotFoundError):
        eab = None
    if eab:
        binding = messages.ExternalAccountBinding.from_data(
            account_public_key=key.public_key(),
            kid=eab["kid"],
            hmac_key=eab["hmac_key"].rstrip("="),
            directory=acme.directory,
        )
    elif acme.external_account_required():
        raise SystemExit("externalAccountRequired: the directory wants an external account binding")
    return messages.NewRegistration.from_data(
        email=contact or None,
        terms_of_service_agreed=True,
        external_account_binding=binding,
    )


def save(account: Account, url: str, folder: str) -> None:
    """Write the files of an account as certbot does."""
    server = urlsplit(url)
    place = os.path.join(folder, "accounts", server.netloc + server.path, account.id)
    os.makedirs(place, mode=0o700)
    # certbot reads the body as it was sent, without the key.
    regr = {"body": {}, "uri": account.regr.uri}
    for name, text in (
        ("private_key.json", account.key.json_dumps()),
        ("meta.json", account.meta.json_dumps()),
        ("regr.json", json.dumps(regr)),
    ):
        with open(os.path.join(place, name), "w", encoding="utf-8") as file:
            file.write(text)


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
