"""System health."""

from django.urls import path

from portal.operations import views

urlpatterns = [path("system/", views.system, name="system")]
