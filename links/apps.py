"""The app's configuration."""

from typing import ClassVar

from django.apps import AppConfig
from django.core import checks


class LinksConfig(AppConfig):
    name = "links"
    default_auto_field = "django.db.models.BigAutoField"
    sealed: ClassVar = {"SealedLink": ("sealed",)}  # for ``manage.py reseal``

    def ready(self) -> None:
        from links.visiting import brand, terms

        checks.register(brand.check)
        checks.register(terms.check)
