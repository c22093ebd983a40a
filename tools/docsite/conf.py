"""Settings of Sphinx for the pages that antsibull-docs writes; `make docs-site` builds them."""

project = "asgi.fleet"
copyright = "The asgi.fleet developers"  # noqa: A001 - Sphinx reads this name
title = html_short_title = "asgi.fleet"

extensions = ["sphinx_antsibull_ext"]
pygments_style = "ansible"
highlight_language = "YAML+Jinja"

html_theme = "sphinx_ansible_theme"
html_show_sphinx = False
html_use_index = False
html_copy_source = False

default_role = "any"
nitpicky = True
# Pages of Ansible and of other collections are elsewhere. Names of other collections' plugins are
# checked by `antsibull-docs lint-collection-docs`.
nitpick_ignore_regex = [
    ("std:ref", r"ansible_collections\.(?!asgi\.fleet\.).*"),
    ("std:ref", r"(action|callback|filter)_plugins"),
    ("std:ref", r"common_return_values|ansible_configuration_settings"),
    ("std:envvar", r"ANSIBLE_[A-Z_]+"),
]
