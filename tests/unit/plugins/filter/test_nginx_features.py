"""The filter is the module_utils function with errors of Ansible's."""

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.asgi.fleet.plugins.filter.nginx_features import FilterModule

nginx_features = FilterModule().filters()["nginx_features"]


def test_the_filter_reads_the_output() -> None:
    assert nginx_features("nginx version: nginx/1.22.1\n")["ssl_reject_handshake"]


@pytest.mark.parametrize("text", [None, {"stderr": ""}, "sh: 1: nginx: not found"])
def test_what_is_not_an_output_fails_the_task(text: object) -> None:
    with pytest.raises(AnsibleFilterError, match="expected the"):
        nginx_features(text)
