"""The API's addresses about vendors, under ``/api/v1/``."""

from django.urls import include, path
from rest_framework.routers import SimpleRouter

from links.api.vendors import VendorViewSet

router = SimpleRouter()
router.register("vendors", VendorViewSet, basename="api-vendor")

urlpatterns = [
    path("", include(router.urls)),
]
