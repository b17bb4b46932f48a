"""Capacity and cost, and the machines that are reached past the Bastion."""

from django.urls import path

from portal.capacity import api, views

urlpatterns = [
    path("capacity/", views.capacity, name="capacity"),
    path("capacity/hosts.csv", views.hosts_csv, name="capacity-hosts-csv"),
    path("capacity/retiring/", views.past_the_bastion, name="capacity-retiring"),
    path("capacity/retiring.csv", views.retiring_csv, name="capacity-retiring-csv"),
    path("api/v1/capacity/", api.Capacity.as_view(), name="api-capacity"),
]
